# SPDX-License-Identifier: Apache-2.0
# What tests/system loads into Python: the rooms between the wire and Arrow as one shared library,
# compiled once more, position-independent. Python itself runs without sanitizers, so it would not load
# a library with them.
if(NOT TTP_SANITIZE AND NOT TTP_FUZZ)
  file(GLOB native_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/system/native/*.c
       ${CMAKE_SOURCE_DIR}/src/util/*.c ${CMAKE_SOURCE_DIR}/src/arrow/*.c
       ${CMAKE_SOURCE_DIR}/src/pb/*.c ${CMAKE_SOURCE_DIR}/src/rows/*.c)
  add_library(ttp_arrow_export SHARED ${native_sources})
  target_link_libraries(ttp_arrow_export PRIVATE ttp_flags deps::xxhash deps::jansson)
  set_target_properties(ttp_arrow_export PROPERTIES
    POSITION_INDEPENDENT_CODE ON LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
endif()

# Prints any Parquet file by our reader: tests/system/test_conformance.py.
add_executable(parquet-print ${CMAKE_SOURCE_DIR}/tests/system/native/print/parquet_print.c)
target_include_directories(parquet-print PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
target_link_libraries(parquet-print PRIVATE room_walk room_parquet)

# The client of object stores behind a pipe: tests/system/test_s3_client.py.
add_executable(s3-driver ${CMAKE_SOURCE_DIR}/tests/system/native/s3/s3_driver.c)
target_link_libraries(s3-driver PRIVATE room_s3)
