// Runs a fuzz target on files, without libFuzzer: for a find that is to be looked at in the test
// build, and for compilers that have no libFuzzer.

#include "tests/fuzz/fuzz.hpp"

#include <fstream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        std::ifstream file(argv[i], std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        if (!file) return 1;
        (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                     bytes.size()); // 0 always
    }
    return 0;
}
