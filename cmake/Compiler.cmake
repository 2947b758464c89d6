# SPDX-License-Identifier: Apache-2.0
# One set of flags for all of our code. Assertions stay on in release builds (docs: style, rule 8).
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")

add_library(ttp_flags INTERFACE)
target_compile_definitions(ttp_flags INTERFACE _GNU_SOURCE)
target_include_directories(ttp_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(ttp_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough
  -fno-strict-aliasing -fno-omit-frame-pointer
  # The same bytes in whichever folder it is built.
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)

# What makes a fault of ours harder to use against us; tools/check-hardening looks at the result.
# -fPIE and not -fPIC where no shared library is made: its calls within the program stay direct.
set(is_program $<NOT:$<BOOL:$<TARGET_PROPERTY:POSITION_INDEPENDENT_CODE>>>)
target_compile_options(ttp_flags INTERFACE $<${is_program}:-fPIE> -fstack-protector-strong
                       -fstack-clash-protection)
target_link_options(ttp_flags INTERFACE $<${is_program}:-pie> -Wl,-z,relro,-z,now,-z,noexecstack)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  target_compile_options(ttp_flags INTERFACE -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  target_compile_options(ttp_flags INTERFACE -mbranch-protection=standard)
endif()
# 3 would cost an event 8% more instructions (tools/check-instructions).
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT TTP_SANITIZE)
  target_compile_options(ttp_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

if(TTP_SANITIZE)
  add_compile_options(-fsanitize=${TTP_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TTP_SANITIZE})
endif()
if(TTP_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(TTP_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
