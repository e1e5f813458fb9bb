#include "support/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace kneepoint {

void Gate::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

bool Gate::wait() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return open_; });
}

// --- certificate ---

TestCertificate::TestCertificate() {
  char name[] = "/tmp/kneepoint-cert-XXXXXX";
  if (mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = name;
  cert_file_ = directory_ + "/cert.pem";
  key_file_ = directory_ + "/key.pem";
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600);
  X509_set_pubkey(cert, key);
  X509_NAME* subject = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                             -1, -1, 0);
  X509_set_issuer_name(cert, subject);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
  for (const auto& [nid, value] : {std::pair{NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"},
                                   std::pair{NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(cert, key, EVP_sha256());
  std::FILE* file = std::fopen(cert_file_.c_str(), "w");
  PEM_write_X509(file, cert);
  std::fclose(file);
  file = std::fopen(key_file_.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(cert);
  EVP_PKEY_free(key);
}

TestCertificate::~TestCertificate() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

// --- a connection ---

ScriptedServer::Peer::~Peer() {
  close();
  if (ssl_ != nullptr) SSL_free(ssl_);
}

long ScriptedServer::Peer::receive(char* into, std::size_t size) {
  return ssl_ != nullptr ? SSL_read(ssl_, into, static_cast<int>(size)) : ::recv(fd_, into, size, 0);
}

std::string ScriptedServer::Peer::read_request() {
  std::size_t whole = std::string::npos;
  while (true) {
    if (const auto end = unread_.find("\r\n\r\n"); end != std::string::npos && whole == std::string::npos) {
      const auto field = unread_.find("Content-Length: ");
      const std::size_t body = field < end ? std::strtoul(unread_.c_str() + field + 16, nullptr, 10) : 0;
      whole = end + 4 + body;
    }
    if (whole != std::string::npos && unread_.size() >= whole) break;
    char buffer[4096];
    const long got = receive(buffer, sizeof buffer);
    if (got <= 0) return {};
    unread_.append(buffer, static_cast<std::size_t>(got));
  }
  std::string request = unread_.substr(0, whole);
  unread_.erase(0, whole);
  const std::lock_guard lock(server_.mutex_);
  server_.requests_.push_back(request);
  return request;
}

void ScriptedServer::Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const long sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                      : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void ScriptedServer::Peer::send_together(const std::vector<std::string>& pieces, bool ends) {
  std::string bytes;
  if (ssl_ == nullptr) {
    for (const std::string& piece : pieces) bytes += piece;
  } else {
    BIO* const socket = SSL_get_wbio(ssl_);
    BIO_up_ref(socket);
    SSL_set0_wbio(ssl_, BIO_new(BIO_s_mem()));
    for (const std::string& piece : pieces) SSL_write(ssl_, piece.data(), static_cast<int>(piece.size()));
    if (ends) SSL_shutdown(ssl_);
    char* records = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &records);
    bytes.assign(records, static_cast<std::size_t>(size));
    SSL_set0_wbio(ssl_, socket);
  }
  ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

void ScriptedServer::Peer::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void ScriptedServer::Peer::close() {
  if (fd_ < 0) return;
  const std::lock_guard lock(server_.mutex_);
  std::erase(server_.open_, fd_);
  ::close(fd_);
  fd_ = -1;
}

void ScriptedServer::Peer::wait_for_close() {
  char buffer[4096];
  while (receive(buffer, sizeof buffer) > 0) {
  }
}

// --- the server ---

ScriptedServer::ScriptedServer(Script script, const TestCertificate* certificate,
                               const TestCertificate* client_ca)
    : script_(std::move(script)) {
  if (certificate != nullptr) {
    tls_.reset(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    SSL_CTX_use_certificate_chain_file(tls_.get(), certificate->cert_file().c_str());
    SSL_CTX_use_PrivateKey_file(tls_.get(), certificate->key_file().c_str(), SSL_FILETYPE_PEM);
    if (client_ca != nullptr) {
      SSL_CTX_load_verify_locations(tls_.get(), client_ca->cert_file().c_str(), nullptr);
      SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  listen_on(AF_INET);
}

ScriptedServer::ScriptedServer(Ipv6, Script script) : script_(std::move(script)), ipv6_(true) {
  listen_on(AF_INET6);
}

void ScriptedServer::listen_on(int family) {
  listener_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  auto* const address =
      family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
  if (bind(listener_, address, size) != 0 || listen(listener_, 1024) != 0 ||
      getsockname(listener_, address, &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

void ScriptedServer::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      ::close(fd);
      return;
    }
    open_.push_back(fd);
    threads_.emplace_back([this, fd, connection = connections_++] { serve(fd, connection); });
  }
}

void ScriptedServer::serve(int fd, int connection) {
  SSL* ssl = nullptr;
  if (tls_) {
    ssl = SSL_new(tls_.get());
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1) {
      Peer refused(fd, ssl, *this);
      return;
    }
  }
  Peer peer(fd, ssl, *this);
  script_(peer, connection);
}

void ScriptedServer::keep_silent(Peer& peer, int /*connection*/) {
  peer.read_request();
  peer.wait_for_close();
}

std::string ScriptedServer::url() const {
  if (ipv6_) return "http://[::1]:" + std::to_string(port_);
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

std::vector<std::string> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int ScriptedServer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

}  // namespace kneepoint
