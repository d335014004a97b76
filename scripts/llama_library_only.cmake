# Read by CMake right behind llama.cpp's own project() line. llama-cpp-python's CMakeLists switches the helpers of llama.cpp's
# programs (argument parsing, downloads, chat parsers) on in the cache by force; a plain variable of this scope goes before the cache.
set(LLAMA_BUILD_COMMON OFF)
