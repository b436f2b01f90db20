// SPDX-License-Identifier: MIT
// Asks a server of this machine over HTTP, well or badly.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "engine/targets/process.h"

namespace damon_schemes::testing {

class HttpAsker {
  public:
    // `address` is 127.0.0.1:PORT.
    explicit HttpAsker(const std::string& address)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
            throw std::runtime_error("nobody listens at " + address);
    }

    // Whether all of it was taken.
    bool say(const std::string& text) const {
        return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(text.size());
    }
    // Until the server hangs up.
    std::string read_all() const {
        std::string text;
        char part[4096];
        for (ssize_t got = 0; (got = ::recv(socket_.get(), part, sizeof part, 0)) > 0;)
            text.append(part, static_cast<std::size_t>(got));
        return text;
    }

  private:
    Descriptor socket_;
};

struct HttpAnswer {
    std::string head;  // status line and headers
    std::string body;
};
inline HttpAnswer ask_http(const std::string& address, const std::string& request) {
    const HttpAsker asker(address);
    (void)asker.say(request);
    const std::string all = asker.read_all();
    const std::size_t end = all.find("\r\n\r\n");
    if (end == std::string::npos) return {all, ""};
    return {all.substr(0, end + 2), all.substr(end + 4)};
}
inline HttpAnswer get(const std::string& address, const std::string& path,
                      const std::string& headers = "") {
    return ask_http(address, "GET " + path + " HTTP/1.1\r\nHost: here\r\n" + headers + "\r\n");
}

// Where the server has little patience: asks again as long as it was cut off, since we may have
// been kept waiting by other programs.
inline HttpAnswer get_patiently(const std::string& address, const std::string& path) {
    HttpAnswer answer;
    for (int turn = 0; turn < 100 && answer.head.empty(); ++turn) answer = get(address, path);
    return answer;
}

}  // namespace damon_schemes::testing
