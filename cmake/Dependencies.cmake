# SPDX-License-Identifier: Apache-2.0
# Everything outside our core comes from the distribution's packages (tools/install-deps lists them).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# ttp_dependency(NAME pkg-config modules…): the target deps::NAME
function(ttp_dependency name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${ARGN})
  add_library(deps::${name} ALIAS PkgConfig::${name})
endfunction()

ttp_dependency(nghttp2 libnghttp2)
ttp_dependency(microhttpd libmicrohttpd)
ttp_dependency(jansson jansson)
ttp_dependency(sqlite sqlite3)
ttp_dependency(pq libpq)
ttp_dependency(curl libcurl)
ttp_dependency(expat expat)
ttp_dependency(openssl libcrypto)
ttp_dependency(ssl libssl)
ttp_dependency(libdeflate libdeflate)
ttp_dependency(zstd libzstd)
ttp_dependency(lz4 liblz4)
ttp_dependency(brotli libbrotlienc libbrotlidec)
ttp_dependency(xxhash libxxhash)

# snappy ships no pkg-config file in Debian.
find_library(SNAPPY_LIBRARY snappy REQUIRED)
find_path(SNAPPY_INCLUDE_DIR snappy-c.h REQUIRED)
add_library(deps::snappy INTERFACE IMPORTED)
target_link_libraries(deps::snappy INTERFACE ${SNAPPY_LIBRARY})
target_include_directories(deps::snappy SYSTEM INTERFACE ${SNAPPY_INCLUDE_DIR})
