# SPDX-License-Identifier: Apache-2.0
# tests/unit/<room>/test_<module>.c is one cmocka program, unit_<room>_<module>, that links its room.
# Other .c files of that folder are helpers linked into each of the room's tests; tests/unit/support
# holds what the tests of all rooms share.
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
set(TTP_TEST_DATA ${CMAKE_SOURCE_DIR}/tests/data)

file(GLOB room_folders LIST_DIRECTORIES true ${CMAKE_SOURCE_DIR}/tests/unit/*)
foreach(folder ${room_folders})
  get_filename_component(room ${folder} NAME)
  if(NOT IS_DIRECTORY ${folder} OR room STREQUAL "support")
    continue()
  endif()
  file(GLOB tests CONFIGURE_DEPENDS ${folder}/test_*.c)
  file(GLOB helpers CONFIGURE_DEPENDS ${folder}/*.c ${CMAKE_SOURCE_DIR}/tests/unit/support/*.c)
  list(FILTER helpers EXCLUDE REGEX "/test_[^/]*\\.c$")
  if(room MATCHES "^(lake|app)$") # their lakes are made as the sink's tests make theirs
    list(APPEND helpers ${CMAKE_SOURCE_DIR}/tests/unit/sink/sink_fixture.c)
  endif()
  foreach(test ${tests})
    get_filename_component(name ${test} NAME_WE)
    string(REGEX REPLACE "^test_" "" module ${name})
    set(target unit_${room}_${module})
    add_executable(${target} ${test} ${helpers})
    target_link_libraries(${target} PRIVATE room_${room} room_os PkgConfig::cmocka Threads::Threads)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
    target_compile_definitions(${target} PRIVATE TTP_TEST_DATA="${TTP_TEST_DATA}")
    add_test(NAME ${target} COMMAND ${target})
    set_tests_properties(${target} PROPERTIES TIMEOUT 900)
  endforeach()
endforeach()
