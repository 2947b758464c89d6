# SPDX-License-Identifier: Apache-2.0
# `cmake --install`: the program and what its users look for beside it. Packages add their own unit and
# configuration (debian/).
include(GNUInstallDirs)
set(TTP_ZSH_COMPLETIONS ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING
    "Where zsh looks for completions")

install(TARGETS parquet-consumer)
install(FILES docs/parquet-consumer.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES deploy/completions/parquet-consumer.bash RENAME parquet-consumer
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES deploy/completions/_parquet-consumer DESTINATION ${TTP_ZSH_COMPLETIONS})
install(FILES deploy/completions/parquet-consumer.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
# What `parquet-consumer demo` serves.
file(GLOB recordings ${CMAKE_SOURCE_DIR}/tests/data/*.events)
install(FILES ${recordings} DESTINATION ${CMAKE_INSTALL_DATADIR}/ttp-parquet-consumer/demo)
