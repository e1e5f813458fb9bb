#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "agent/net/stamped_socket.h"
#include "common/plan.h"
#include "common/result.h"

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace kneepoint::agent {

/// A target's TLS settings, loaded: roots, client certificate, verification. Shared by all threads.
class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> create(const TlsOptions& options);

  SSL_CTX* native() const { return context_.get(); }
  bool verifies() const { return verify_; }

 private:
  TlsContext(std::shared_ptr<SSL_CTX> context, bool verify) : context_(std::move(context)), verify_(verify) {}
  std::shared_ptr<SSL_CTX> context_;
  bool verify_;
};

/// TLS over memory: ciphertext is read from the socket by `recvmsg`, so that kernel receive stamps survive,
/// and handed to OpenSSL through a memory BIO. All that one such read completes is decrypted at once, however
/// many records it is, and carries its stamp: what came together is one read, as without TLS.
class TlsStream {
 public:
  /// @param name sent as SNI (unless it is an address) and verified.
  TlsStream(const TlsContext& context, const std::string& name);

  enum class Handshake : std::uint8_t { kDone, kNeedsInput, kFailed };
  /// Goes on with the handshake; then send `outgoing()`, whatever the result.
  Handshake advance();
  /// Gives OpenSSL ciphertext, read as `read` says.
  void feed(std::string_view ciphertext, const ReadResult& read);
  /// Encrypts; the result is in `outgoing()`.
  void write(std::string_view plain);
  /// Ciphertext that must go to the peer; it is the caller's from here on.
  std::string outgoing();
  bool has_outgoing() const;

  /// A record that a read leaves incomplete, at most, with its header and whatever a cipher adds.
  static constexpr std::size_t kRecordSize = 20 * 1024;

  /// Whether the peer sent an alert, or what is no TLS: a client certificate, too, is refused only after the
  /// handshake.
  bool failed() const { return end_ == ReadResult::Status::kError; }

  /// Decrypts into `plain`, reading `socket` through `ciphertext` (a buffer of the thread, smaller than
  /// `plain` by kRecordSize) as far as needed.
  ReadResult read(StampedSocket& socket, std::span<char> plain, std::span<char> ciphertext);

 private:
  struct Free {
    void operator()(SSL* ssl) const;
  };
  std::size_t decrypt(std::span<char> plain);

  std::unique_ptr<SSL, Free> ssl_;
  ReadResult last_;                                     // the last read of ciphertext
  bool undecrypted_ = false;                            // some of it may still give plain text
  ReadResult::Status end_ = ReadResult::Status::kData;  // kEnd or kError once nothing more can be decrypted
};

}  // namespace kneepoint::agent
