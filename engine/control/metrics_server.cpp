// SPDX-License-Identifier: MIT
#include "engine/control/metrics_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <map>
#include <string_view>
#include <thread>
#include <utility>

#include "engine/events/blocked_signals.h"
#include "engine/targets/process.h"

namespace damon_schemes {
namespace {

constexpr std::string_view index_page =
    "damon-schemes: the metrics are at /metrics (docs/operate.md has a table of them).\n";
// Connections that wait for a place.
constexpr int longest_queue = 64;
constexpr std::string_view plain_text = "text/plain; charset=utf-8";

Error failed(const std::string& what, int code) {
    return {ErrorKind::runtime, what + ": " + std::strerror(code), code};
}

Error no_address(const std::string& text) {
    return {ErrorKind::usage,
            "'" + text +
                "' is no address to listen at: it is ADDRESS:PORT in numbers, such as "
                "127.0.0.1:9797 or [::1]:9797, or a port alone",
            0};
}

std::string in_words(const ListenAddress& where) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (where.address.ss_family == AF_INET6) {
        sockaddr_in6 six;
        std::memcpy(&six, &where.address, sizeof six);
        (void)::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
        return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(six.sin6_port));
    }
    sockaddr_in four;
    std::memcpy(&four, &where.address, sizeof four);
    (void)::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(four.sin_port));
}

Result<Descriptor> listen_at(ListenAddress& where) {
    const std::string words = in_words(where);
    Descriptor socket(
        ::socket(where.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return failed("a socket for metrics cannot be made", errno);
    // A daemon that is started anew need not wait for the connections of the former one.
    const int yes = 1;
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    auto* const address = reinterpret_cast<sockaddr*>(&where.address);
    if (::bind(socket.get(), address, where.size) != 0) {
        const int code = errno;
        if (code == EADDRINUSE)
            return Error{ErrorKind::usage,
                         words + " is taken by another program: name another port with --metrics",
                         code};
        return failed("metrics cannot be had at " + words, code);
    }
    if (::listen(socket.get(), longest_queue) != 0 ||
        ::getsockname(socket.get(), address, &where.size) != 0)
        return failed("metrics cannot be had at " + words, errno);
    return socket;
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    std::string host = colon == std::string::npos ? "localhost" : text.substr(0, colon);
    const std::string digits = colon == std::string::npos ? text : text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size())
        return no_address(text);
    if (host == "localhost") host = "127.0.0.1";
    ListenAddress where;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        sockaddr_in6 six{};
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(port);
        host = host.substr(1, host.size() - 2);
        if (::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) != 1) return no_address(text);
        std::memcpy(&where.address, &six, sizeof six);
        where.size = sizeof six;
        return where;
    }
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) != 1) return no_address(text);
    std::memcpy(&where.address, &four, sizeof four);
    where.size = sizeof four;
    return where;
}

// All but `stopping` and `wake` belongs to the server's thread from start() on.
struct MetricsServer::State {
    using Clock = std::chrono::steady_clock;
    struct Connection {
        int socket = -1;  // libmicrohttpd's
        Clock::time_point until;
        bool ended = false;
    };

    ~State() {
        if (thread.joinable()) {
            stopping = true;
            const std::uint64_t one = 1;
            (void)!::write(wake.get(), &one, sizeof one);
            thread.join();
        }
        if (daemon != nullptr) MHD_stop_daemon(daemon);
    }

    Result<void> start(const std::string& text) {
        auto where = parse_listen_address(text);
        if (!where) return where.error();
        auto socket = listen_at(*where);
        if (!socket) return socket.error();
        address = in_words(*where);
        wake = Descriptor(::eventfd(0, EFD_CLOEXEC));
        if (!wake) return failed("an eventfd cannot be made", errno);
        daemon = MHD_start_daemon(
            MHD_USE_EPOLL, 0, nullptr, nullptr, &State::on_request, this, MHD_OPTION_LISTEN_SOCKET,
            socket->get(), MHD_OPTION_CONNECTION_LIMIT, most_connections,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, std::size_t{most_bytes},
            MHD_OPTION_NOTIFY_CONNECTION, &State::on_connection, this, MHD_OPTION_END);
        if (daemon == nullptr) return failed("metrics cannot be had at " + address, errno);
        (void)socket->release();  // MHD_stop_daemon() closes it
        const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (info == nullptr) return failed("metrics cannot be had at " + address, ENOSYS);
        events = info->epoll_fd;
        const AllSignalsBlocked blocked;
        thread = std::thread([this] { serve(); });
        return {};
    }

    void serve() {
        while (!stopping) {
            std::array<pollfd, 2> waiting{{{events, POLLIN, 0}, {wake.get(), POLLIN, 0}}};
            if (::poll(waiting.data(), waiting.size(), patience_left()) < 0 && errno != EINTR)
                return;
            // Where there were as many as may be, it looks for further ones only when it is run
            // again after some have gone.
            do {
                gone = false;
                (void)MHD_run(daemon);
            } while (gone);
            end_late();
        }
    }

    // Until something is due, in ms; -1: nothing is.
    int patience_left() const {
        std::int64_t left = -1;
        const auto at_most = [&](std::int64_t other) {
            left = left < 0 ? other : std::min(left, other);
        };
        MHD_UNSIGNED_LONG_LONG asked = 0;
        if (MHD_get_timeout(daemon, &asked) == MHD_YES)
            at_most(static_cast<std::int64_t>(std::min<MHD_UNSIGNED_LONG_LONG>(asked, 60000)));
        for (const auto& [connection, known] : connections) {
            if (known.ended) continue;
            const auto rest =
                std::chrono::ceil<std::chrono::milliseconds>(known.until - Clock::now());
            at_most(std::clamp<std::int64_t>(rest.count(), 0, 60000));
        }
        return static_cast<int>(left);
    }

    // libmicrohttpd's own patience begins anew at each byte.
    void end_late() {
        for (auto& [connection, known] : connections) {
            if (known.ended || Clock::now() < known.until) continue;
            known.ended = true;
            (void)::shutdown(known.socket, SHUT_RDWR);
        }
    }

    static void on_connection(void* state, MHD_Connection* connection, void**,
                              MHD_ConnectionNotificationCode code) noexcept {
        auto& self = *static_cast<State*>(state);
        if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
            self.connections.erase(connection);
            self.gone = true;
            return;
        }
        const MHD_ConnectionInfo* info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info == nullptr) return;
        self.connections[connection] = {
            info->connect_fd,
            Clock::now() + std::chrono::duration_cast<Clock::duration>(self.patience), false};
    }

    // No exception may pass through C.
    static MHD_Result on_request(void* state, MHD_Connection* connection, const char* url,
                                 const char* method, const char*, const char*, std::size_t*,
                                 void**) noexcept {
        return static_cast<State*>(state)->answer(connection, url, method);
    }

    MHD_Result answer(MHD_Connection* connection, std::string_view url, std::string_view method) {
        if (method != MHD_HTTP_METHOD_GET)
            return send(connection, MHD_HTTP_METHOD_NOT_ALLOWED, plain_text,
                        "only GET is answered here\n");
        if (url == "/") return send(connection, MHD_HTTP_OK, plain_text, index_page);
        if (url != "/metrics")
            return send(connection, MHD_HTTP_NOT_FOUND, plain_text,
                        "there is nothing here; the metrics are at /metrics\n");
        const std::shared_ptr<const Metrics> metrics = ask([this] { return stopping.load(); });
        if (metrics == nullptr)
            return send(connection, MHD_HTTP_SERVICE_UNAVAILABLE, plain_text,
                        "the daemon is too busy to say how it stands\n");
        const char* accept =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
        const ExpositionFormat format = format_for(accept != nullptr ? accept : "");
        return send(connection, MHD_HTTP_OK, content_type_of(format), exposition(*metrics, format));
    }

    static MHD_Result send(MHD_Connection* connection, unsigned status, std::string_view type,
                           std::string_view text) {
        MHD_Response* const response = MHD_create_response_from_buffer(
            text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_MUST_COPY);
        if (response == nullptr) return MHD_NO;
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                      std::string(type).c_str());
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
            (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_GET);
        const MHD_Result queued = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
        return queued;
    }

    Ask ask;
    Duration patience{};
    std::string address;
    MHD_Daemon* daemon = nullptr;
    int events = -1;  // epoll's, of the daemon
    std::map<MHD_Connection*, Connection> connections;
    bool gone = false;  // some connection, since this was looked at
    std::atomic<bool> stopping = false;
    Descriptor wake;
    std::thread thread;
};

MetricsServer::MetricsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetricsServer::~MetricsServer() = default;

const std::string& MetricsServer::address() const {
    return state_->address;
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::open(const std::string& address, Ask ask,
                                                           Duration patience) {
    auto state = std::make_unique<State>();
    state->ask = std::move(ask);
    state->patience = patience;
    if (auto started = state->start(address); !started) return started.error();
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(state)));
}

}  // namespace damon_schemes
