#include "agent/net/tls_stream.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace kneepoint::agent {
namespace {

constexpr std::size_t kWorthFreeing = 64 * 1024;

Error tls_error(const std::string& what) {
  char reason[200] = "unknown reason";
  if (const unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return Error{fmt::format("{}: {}", what, reason)};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsOptions& options) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!context) return tls_error("cannot set up TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Idle connections give their buffers back: ten thousand streams are mostly idle.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_verify(context.get(), options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context.get(), kHttp11, sizeof kHttp11 - 1);
  if (!options.ca_file.empty()) {
    if (SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr) != 1) {
      return tls_error(fmt::format("cannot read the CA file {}", options.ca_file));
    }
  } else if (options.verify && SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return tls_error("cannot read the system's CA certificates");
  }
  if (!options.client_cert.empty()) {
    const std::string& key = options.client_key.empty() ? options.client_cert : options.client_key;
    if (SSL_CTX_use_certificate_chain_file(context.get(), options.client_cert.c_str()) != 1) {
      return tls_error(fmt::format("cannot read the client certificate {}", options.client_cert));
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1) {
      return tls_error(fmt::format("the client key {} is unreadable or does not fit its certificate", key));
    }
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(context), options.verify));
}

void TlsStream::Free::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

TlsStream::TlsStream(const TlsContext& context, const std::string& name) : ssl_(SSL_new(context.native())) {
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str()) != 1) {
    ERR_clear_error();
    SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
    if (context.verifies()) SSL_set1_host(ssl_.get(), name.c_str());
  }
}

TlsStream::Handshake TlsStream::advance() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  if (done == 1) return Handshake::kDone;
  const bool wants = SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return wants ? Handshake::kNeedsInput : Handshake::kFailed;
}

void TlsStream::feed(std::string_view ciphertext, const ReadResult& read) {
  last_ = read;
  undecrypted_ = true;
  BIO_write(SSL_get_rbio(ssl_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
}

void TlsStream::write(std::string_view plain) {
  // A memory BIO takes everything.
  for (std::size_t written = 0; !plain.empty(); plain.remove_prefix(written)) {
    if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) return ERR_clear_error();
  }
}

bool TlsStream::has_outgoing() const {
  return BIO_ctrl_pending(SSL_get_wbio(ssl_.get())) > 0;
}

std::string TlsStream::outgoing() {
  BIO* bio = SSL_get_wbio(ssl_.get());
  std::string data(BIO_ctrl_pending(bio), '\0');
  if (!data.empty()) BIO_read(bio, data.data(), static_cast<int>(data.size()));
  // A memory BIO never shrinks: thousands of idle connections would each hold the size of their longest
  // prompt.
  if (data.size() > kWorthFreeing) SSL_set0_wbio(ssl_.get(), BIO_new(BIO_s_mem()));
  return data;
}

/// Decrypts what there is: OpenSSL hands out one record a call. @return the bytes.
std::size_t TlsStream::decrypt(std::span<char> plain) {
  std::size_t total = 0;
  ERR_clear_error();
  while (undecrypted_ && total < plain.size()) {
    std::size_t bytes = 0;
    if (SSL_read_ex(ssl_.get(), plain.data() + total, plain.size() - total, &bytes) == 1) {
      total += bytes;
      continue;
    }
    undecrypted_ = false;
    const int error = SSL_get_error(ssl_.get(), 0);
    if (error == SSL_ERROR_WANT_READ) break;
    end_ = error == SSL_ERROR_ZERO_RETURN ? ReadResult::Status::kEnd : ReadResult::Status::kError;
    ERR_clear_error();
  }
  return total;
}

ReadResult TlsStream::read(StampedSocket& socket, std::span<char> plain, std::span<char> ciphertext) {
  while (true) {
    const std::size_t bytes = decrypt(plain);
    ReadResult result = last_;
    result.bytes = bytes;
    if (bytes > 0) return result;
    if (end_ != ReadResult::Status::kData) {
      result.status = end_;
      return result;
    }
    const ReadResult got = socket.read(ciphertext);
    if (got.status != ReadResult::Status::kData) return got;
    feed({ciphertext.data(), got.bytes}, got);
  }
}

}  // namespace kneepoint::agent
