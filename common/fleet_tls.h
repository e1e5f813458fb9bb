#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace kneepoint {

/// Mutual TLS between coordinator and agents: PEM files of this end's certificate (with its chain) and key,
/// and of the authority that the other end's certificate must come from. All three or none.
struct FleetTlsFiles {
  std::string cert;
  std::string key;
  std::string ca;
  bool empty() const { return cert.empty() && key.empty() && ca.empty(); }
};

/// One end's credentials. gRPC reads the files again when they change, so that a rotated certificate serves
/// the next connection without a restart; connections that are open stay. Immutable; any thread.
class FleetCredentials {
 public:
  /// Fails with one line when a file is missing or unreadable, when the key is not the certificate's, or when
  /// the certificate has expired or is not valid yet. Without files: null, for plain TCP.
  static Result<std::shared_ptr<const FleetCredentials>> load(const FleetTlsFiles& files);

  /// For agents: the coordinator's certificate must name the host that was dialled.
  const std::shared_ptr<grpc::ChannelCredentials>& channel() const { return channel_; }
  /// For the coordinator: an agent without a certificate of the authority is not heard.
  const std::shared_ptr<grpc::ServerCredentials>& server() const { return server_; }

 private:
  FleetCredentials() = default;
  std::shared_ptr<grpc::ChannelCredentials> channel_;
  std::shared_ptr<grpc::ServerCredentials> server_;
};

/// Whether a certificate with these DNS names may speak for the agent `name`: one of them is the name, or is
/// "*.REST" where the name is "LABEL.REST". Letters count without their case, as in DNS.
bool certified(const std::vector<std::string>& dns_names, std::string_view name);

}  // namespace kneepoint
