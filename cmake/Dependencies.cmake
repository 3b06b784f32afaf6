# All from Debian 12 packages; tools/setup installs them. Nothing is downloaded or vendored.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(cppzmq REQUIRED)        # cppzmq-dev, libzmq3-dev
find_package(msgpack REQUIRED)        # libmsgpack-cxx-dev
find_package(spdlog REQUIRED)        # libspdlog-dev
find_package(tomlplusplus REQUIRED)  # libtomlplusplus-dev
find_package(CLI11 REQUIRED)         # libcli11-dev
find_package(nlohmann_json REQUIRED) # nlohmann-json3-dev
find_package(tl-expected REQUIRED)   # libexpected-dev
if(BUILD_TESTING AND PROJECT_IS_TOP_LEVEL)
  find_package(doctest REQUIRED)     # doctest-dev
  find_package(SQLite3 REQUIRED)     # libsqlite3-dev
endif()

pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)  # libsodium-dev: SHA-256 of session secrets
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)  # libxxhash-dev: hashes of state and requests
pkg_check_modules(uuid REQUIRED IMPORTED_TARGET uuid)         # uuid-dev: client ids
pkg_check_modules(edit REQUIRED IMPORTED_TARGET libedit)      # libedit-dev: the shell's line editing
pkg_check_modules(isal REQUIRED IMPORTED_TARGET libisal)      # libisal-dev: CRC32C of log batches
