// Bytes from a peer that may be no TLS at all, or stop being it after a good handshake: TlsStream says so and
// neither crashes nor hands out what was not sent.

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/net/poller.h"
#include "agent/net/tls_stream.h"

namespace {

using namespace kneepoint;
using namespace kneepoint::agent;

/// A server of its own making, in memory.
class Server {
 public:
  Server() : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 1'000'000);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(context_.get(), certificate);
    SSL_CTX_use_PrivateKey(context_.get(), key);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  SSL* accept() const {
    SSL* ssl = SSL_new(context_.get());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl);
    return ssl;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

std::string pending(SSL* ssl) {
  BIO* bio = SSL_get_wbio(ssl);
  std::string bytes(BIO_ctrl_pending(bio), '\0');
  if (!bytes.empty()) BIO_read(bio, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

ReadResult stamp(std::size_t bytes) {
  return {.status = ReadResult::Status::kData, .bytes = bytes};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Server kServer;
  static const auto kContext = *TlsContext::create({.verify = false});
  static Poller poller;
  if (size < 2) return 0;
  const bool shakes_hands = data[0] % 2 == 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);

  TlsStream client(*kContext, "host");
  const std::unique_ptr<SSL, decltype(&SSL_free)> server(kServer.accept(), &SSL_free);
  bool ready = false;
  if (shakes_hands) {
    for (int round = 0; round < 10 && !ready; ++round) {
      ready = client.advance() == TlsStream::Handshake::kDone;
      const std::string out = client.outgoing();
      BIO_write(SSL_get_rbio(server.get()), out.data(), static_cast<int>(out.size()));
      SSL_do_handshake(server.get());
      const std::string answer = pending(server.get());
      if (!answer.empty()) client.feed(answer, stamp(answer.size()));
    }
    if (!ready) std::abort();
  }
  // What the host sends, with the input in its stead or laid over it.
  std::string wire;
  if (shakes_hands) {
    const std::string text(200, 'x');
    SSL_write(server.get(), text.data(), static_cast<int>(text.size()));
    wire = pending(server.get());
    const std::size_t at = data[1] % wire.size();
    for (std::size_t i = 0; i < bytes.size() && at + i < wire.size(); ++i) wire[at + i] ^= bytes[i];
  } else {
    wire = bytes;
  }
  const std::size_t step = data[1] % 50 + 1;
  StampedSocket closed(poller);
  std::vector<char> plain(64 * 1024);
  std::vector<char> ciphertext(plain.size() - TlsStream::kRecordSize);
  for (std::size_t at = 0; at < wire.size(); at += step) {
    const std::string piece = wire.substr(at, step);
    client.feed(piece, stamp(piece.size()));
    if (!ready) {
      if (client.advance() == TlsStream::Handshake::kDone) std::abort();  // no bytes could have done that
      static_cast<void>(client.outgoing());
      continue;
    }
    const ReadResult got = client.read(closed, plain, ciphertext);
    for (std::size_t i = 0; i < (got.status == ReadResult::Status::kData ? got.bytes : 0); ++i) {
      if (plain[i] != 'x') std::abort();  // it was sealed: nothing else can come out
    }
    if (got.status == ReadResult::Status::kError || got.status == ReadResult::Status::kEnd) break;
  }
  return 0;
}
