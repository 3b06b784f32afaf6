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
  const std::vector<std::string> chosen(argv + std::min(argc, 2), argv + argc);
  const auto is_target = [](const std::string& name) {
    return std::any_of(std::begin(kTargets), std::end(kTargets),
                       [&](const Target& target) { return target.name == name; });
  };
  if (argc < 2 || !std::filesystem::is_directory(argv[1]) || !std::all_of(chosen.begin(), chosen.end(), is_target)) {
    std::cerr << "usage: fuzz_corpus FOLDER [TARGET...]: runs each target on the files of FOLDER/TARGET\n";
    return 2;
  }
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
