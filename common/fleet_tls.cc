#include "common/fleet_tls.h"

#include <fmt/format.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace kneepoint {
namespace {

/// How often the files are looked at. A rotation need not be noticed sooner than its certificates need.
constexpr unsigned kRefreshSeconds = 2;

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* value) const { Free(value); }
};
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
struct Closed {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closed>;

Error unreadable(std::string_view option, const std::string& path, std::string_view what) {
  ERR_clear_error();
  return Error{fmt::format("{} {}: {}", option, path, what)};
}

/// A key with a password is no use to a program that nobody watches.
int no_password(char*, int, int, void*) {
  return 0;
}

Result<Certificate> read_certificate(std::string_view option, const std::string& path) {
  const File file(std::fopen(path.c_str(), "re"));
  if (!file) return unreadable(option, path, "the file cannot be opened");
  Certificate certificate(PEM_read_X509(file.get(), nullptr, &no_password, nullptr));
  if (!certificate) return unreadable(option, path, "there is no PEM certificate in it");
  return certificate;
}

Result<void> check_files(const FleetTlsFiles& files) {
  if (files.cert.empty() || files.key.empty() || files.ca.empty())
    return Error{"--tls-cert, --tls-key and --tls-ca belong together: give all three"};
  const auto certificate = read_certificate("--tls-cert", files.cert);
  if (!certificate) return certificate.error();
  if (X509_cmp_current_time(X509_get0_notAfter(certificate->get())) < 0)
    return unreadable("--tls-cert", files.cert, "the certificate has expired; make a new one");
  if (X509_cmp_current_time(X509_get0_notBefore(certificate->get())) > 0)
    return unreadable("--tls-cert", files.cert,
                      "the certificate is not valid yet; are this machine's clock and the one that made it "
                      "right?");
  const File key_file(std::fopen(files.key.c_str(), "re"));
  if (!key_file) return unreadable("--tls-key", files.key, "the file cannot be opened");
  const Key key(PEM_read_PrivateKey(key_file.get(), nullptr, &no_password, nullptr));
  if (!key) return unreadable("--tls-key", files.key, "there is no PEM key without a password in it");
  if (X509_check_private_key(certificate->get(), key.get()) != 1)
    return unreadable("--tls-key", files.key, fmt::format("it is not the key of {}", files.cert));
  const auto authority = read_certificate("--tls-ca", files.ca);
  if (!authority) return authority.error();
  return {};
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

Result<std::shared_ptr<const FleetCredentials>> FleetCredentials::load(const FleetTlsFiles& files) {
  if (files.empty()) return std::shared_ptr<const FleetCredentials>();
  if (auto good = check_files(files); !good) return good.error();
  namespace tls = grpc::experimental;
  const auto provider =
      std::make_shared<tls::FileWatcherCertificateProvider>(files.key, files.cert, files.ca, kRefreshSeconds);
  const auto watch = [&](tls::TlsCredentialsOptions& options) {
    options.set_certificate_provider(provider);
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
  };
  tls::TlsChannelCredentialsOptions channel;
  watch(channel);
  tls::TlsServerCredentialsOptions server(provider);
  watch(server);
  server.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  std::shared_ptr<FleetCredentials> credentials(new FleetCredentials);
  credentials->channel_ = tls::TlsCredentials(channel);
  credentials->server_ = tls::TlsServerCredentials(server);
  return std::shared_ptr<const FleetCredentials>(std::move(credentials));
}

bool certified(const std::vector<std::string>& dns_names, std::string_view name) {
  const std::size_t dot = name.find('.');
  return std::any_of(dns_names.begin(), dns_names.end(), [&](std::string_view each) {
    if (same_name(each, name)) return !name.empty();
    return each.starts_with("*.") && each.size() > 2 && dot != name.npos && dot > 0 &&
           same_name(each.substr(2), name.substr(dot + 1));
  });
}

}  // namespace kneepoint
