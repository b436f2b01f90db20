// SPDX-License-Identifier: MIT
#include "program.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <stdexcept>

namespace damon_schemes {
namespace {

// A file without a name, so that output of any size waits for nobody.
class Sink {
  public:
    Sink() : file_(std::tmpfile()) {
        if (file_ == nullptr) throw std::runtime_error("tmpfile");
    }
    ~Sink() { std::fclose(file_); }
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    int descriptor() const { return fileno(file_); }
    void put(const std::string& text) const {
        std::size_t done = 0;
        while (done < text.size()) {
            const ssize_t wrote = write(descriptor(), text.data() + done, text.size() - done);
            if (wrote <= 0) throw std::runtime_error("write");
            done += static_cast<std::size_t>(wrote);
        }
        lseek(descriptor(), 0, SEEK_SET);
    }
    std::string text() const {
        std::string result;
        std::array<char, 4096> part;
        lseek(descriptor(), 0, SEEK_SET);
        for (;;) {
            const ssize_t got = read(descriptor(), part.data(), part.size());
            if (got <= 0) return result;
            result.append(part.data(), static_cast<std::size_t>(got));
        }
    }

  private:
    std::FILE* file_;
};

ProgramRun run(const std::vector<std::string>& arguments, const std::string& input, int output,
               const Sink& out) {
    const Sink in;
    const Sink err;
    in.put(input);
    std::vector<std::string> words = {DAMON_SCHEMES_COMMAND};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("fork");
    if (child == 0) {
        for (const char* name : {"COLUMNS", "NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG"})
            unsetenv(name);
        dup2(in.descriptor(), STDIN_FILENO);
        dup2(output, STDOUT_FILENO);
        dup2(err.descriptor(), STDERR_FILENO);
        execv(argv[0], argv.data());
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
    }
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out.text(),
            err.text()};
}

}  // namespace

ProgramRun run_program(const std::vector<std::string>& arguments, const std::string& input) {
    const Sink out;
    return run(arguments, input, out.descriptor(), out);
}

ProgramRun run_program_into(const std::string& file, const std::vector<std::string>& arguments) {
    const Sink nothing;
    const int output = open(file.c_str(), O_WRONLY | O_CLOEXEC);
    if (output < 0) throw std::runtime_error("open " + file);
    ProgramRun result = run(arguments, "", output, nothing);
    close(output);
    return result;
}

TextFile::TextFile(const std::string& text) {
    std::string path = "/tmp/damon-schemes-test-XXXXXX";
    const int descriptor = mkstemp(path.data());
    if (descriptor < 0) throw std::runtime_error("mkstemp");
    path_ = path;
    const ssize_t wrote = write(descriptor, text.data(), text.size());
    close(descriptor);
    if (wrote != static_cast<ssize_t>(text.size())) throw std::runtime_error("write");
}

TextFile::~TextFile() {
    unlink(path_.c_str());
}

}  // namespace damon_schemes
