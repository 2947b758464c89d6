# SPDX-License-Identifier: Apache-2.0
# fuzz/fuzz_<name>.c defines LLVMFuzzerTestOneInput and links the rooms named in its head:
# `// rooms: pb util`. With TTP_FUZZ it is a libFuzzer program; without, fuzz/replay_corpus.c runs
# fuzz/corpus/<name>/* through it once, as a plain test. fuzz/support is linked into all of them.
if(NOT TTP_FUZZ AND (NOT TTP_TESTS OR TTP_TEST_ROOMS))
  return()
endif()
file(GLOB fuzz_support_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/support/*.c)
add_library(fuzz_support STATIC ${fuzz_support_sources}
            ${CMAKE_SOURCE_DIR}/tests/unit/support/temp_folder.c)
target_link_libraries(fuzz_support PUBLIC room_os)
target_include_directories(fuzz_support PUBLIC ${CMAKE_SOURCE_DIR}/fuzz ${CMAKE_SOURCE_DIR}/tests/unit)

file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(source ${fuzz_sources})
  get_filename_component(target ${source} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" name ${target})
  file(STRINGS ${source} rooms_line REGEX "^// rooms: " LIMIT_COUNT 1)
  string(REGEX REPLACE "^// rooms: " "" rooms "${rooms_line}")
  separate_arguments(rooms)
  list(TRANSFORM rooms PREPEND room_)
  if(TTP_FUZZ)
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE fuzz_support ${rooms} -fsanitize=fuzzer)
  else()
    add_executable(${target} ${source} ${CMAKE_SOURCE_DIR}/fuzz/replay_corpus.c)
    target_link_libraries(${target} PRIVATE fuzz_support ${rooms})
    add_test(NAME corpus_${name} COMMAND ${target} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
    set_tests_properties(corpus_${name} PROPERTIES TIMEOUT 900)
  endif()
endforeach()
