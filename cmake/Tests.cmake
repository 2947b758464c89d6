# SPDX-License-Identifier: Apache-2.0
# tests/unit/<room>/test_<module>.c is one cmocka program, unit_<room>_<module>. Other .c files of
# that folder are helpers linked into each of the room's tests; tests/unit/support holds what the
# tests of all rooms share. What a room may use is checked in src/ (src/LAYERS): a test may build its
# lake with whatever makes one.
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
set(TTP_TEST_DATA ${CMAKE_SOURCE_DIR}/tests/data)

function(ttp_test_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC room_app PkgConfig::cmocka Threads::Threads)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/tests/unit)
  target_compile_definitions(${name} PUBLIC TTP_TEST_DATA="${TTP_TEST_DATA}")
endfunction()

file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/support/*.c)
ttp_test_library(test_support ${support})
# Nobody calls it: it runs before main, and a library gives only what is asked for.
target_link_options(test_support INTERFACE -Wl,--undefined=test_filter_set)
# More than a hundred programs, which gold links in a third of the time.
include(CheckLinkerFlag)
check_linker_flag(C -fuse-ld=gold TTP_HAS_GOLD)
if(TTP_HAS_GOLD)
  target_link_options(test_support INTERFACE -fuse-ld=gold)
endif()

set(long_tests care_repair care_backup catalog_allocations app_commands sink_open care_power_loss
    sink_power_loss care_rebuild sink_faults care_compact_faults care_compact source_source
    serve_server catalog_leases)
file(GLOB room_folders LIST_DIRECTORIES true ${CMAKE_SOURCE_DIR}/tests/unit/*)
foreach(folder ${room_folders})
  get_filename_component(room ${folder} NAME)
  if(NOT IS_DIRECTORY ${folder} OR room STREQUAL "support"
     OR (TTP_TEST_ROOMS AND NOT room IN_LIST TTP_TEST_ROOMS))
    continue()
  endif()
  file(GLOB tests CONFIGURE_DEPENDS ${folder}/test_*.c)
  file(GLOB helpers CONFIGURE_DEPENDS ${folder}/*.c)
  list(FILTER helpers EXCLUDE REGEX "/test_[^/]*\\.c$")
  set(used test_support)
  if(helpers)
    ttp_test_library(test_support_${room} ${helpers})
    list(PREPEND used test_support_${room})
  endif()
  foreach(test ${tests})
    get_filename_component(name ${test} NAME_WE)
    string(REGEX REPLACE "^test_" "" module ${name})
    set(target unit_${room}_${module})
    add_executable(${target} ${test})
    target_link_libraries(${target} PRIVATE ${used})
    add_test(NAME ${target} COMMAND ${target})
    set_tests_properties(${target} PROPERTIES TIMEOUT 900)
    # What takes longest begins first, so that nothing long is left for the end.
    list(FIND long_tests ${room}_${module} place)
    if(place GREATER_EQUAL 0)
      math(EXPR cost "500 - ${place}")
      set_tests_properties(${target} PROPERTIES COST ${cost})
    endif()
    # What sweeps by steps, once more with three times as many of them: `make campaigns`.
    file(STRINGS ${test} sweeps REGEX "fault_step|\\.step = " LIMIT_COUNT 1)
    if(sweeps)
      add_test(NAME campaign_${room}_${module} COMMAND ${target})
      set_tests_properties(campaign_${room}_${module} PROPERTIES TIMEOUT 900 LABELS campaign
                           ENVIRONMENT TTP_TEST_SWEEPS=long)
    endif()
  endforeach()
endforeach()

if(TTP_TEST_ROOMS)
  return()
endif()

# The sweeps over file operations once more, without leaving any operation out: `make sweeps`.
foreach(swept commit_recovery sink_faults care_rebuild care_compact_faults care_backup care_expire
        care_letter_replay_faults sink_power_loss care_power_loss parquet_writer)
  add_test(NAME sweep_${swept} COMMAND unit_${swept})
  set_tests_properties(sweep_${swept} PROPERTIES TIMEOUT 7200 LABELS sweep
                       ENVIRONMENT TTP_TEST_SWEEPS=all)
endforeach()

# The program with a schema version more, for tests/system/test_next_version.py: its table takes the
# place of the library's own, of which then nothing is linked.
add_executable(parquet-consumer-1.2.0 src/main.c tests/evolution/versions.c)
target_link_libraries(parquet-consumer-1.2.0 PRIVATE room_app)
