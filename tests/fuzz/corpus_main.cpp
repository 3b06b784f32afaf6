// Runs every file of a corpus once through its target: what was found once stays found.
//
//   fuzz_corpus FOLDER [TARGET...]      FOLDER/TARGET/* are the inputs
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/targets.hpp"

namespace {

using namespace lockstep::fuzz;

std::size_t run_all(const Target& target, const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::vector<char> content((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    const std::vector<std::uint8_t> bytes(content.begin(), content.end());
    std::cout << target.name << " " << file.filename().string() << std::endl;  // the one that ends it is told
    target.run(bytes);
  }
  return files.size();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::vector<std::string> chosen(argv + 2, argv + argc);
  for (const Target& target : kTargets) {
    const bool wanted = chosen.empty() || std::find(chosen.begin(), chosen.end(), target.name) != chosen.end();
    if (!wanted) continue;
    if (run_all(target, std::filesystem::path(argv[1]) / target.name) == 0) {
      std::cerr << "no inputs for " << target.name << "\n";
      return 1;
    }
  }
  return 0;
}
