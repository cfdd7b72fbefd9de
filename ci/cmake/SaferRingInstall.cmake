# cmake --install: headers, libraries, the command, a CMake package (find_package(safer_ring)) and pkg-config files.

include(CMakePackageConfigHelpers)

set(targets safer_ring)
foreach(target safer_ring_uv safer_ring_sim safer_ring_cli safer_ring_uring_sim safer_ring_uring safer_ring_run)
    if(TARGET ${target})
        list(APPEND targets ${target})
    endif()
endforeach()
if(TARGET safer_ring_sim)
    set_target_properties(safer_ring_sim PROPERTIES EXPORT_NAME sim)
endif()
if(TARGET safer_ring_uv)
    set_target_properties(safer_ring_uv PROPERTIES EXPORT_NAME uv)
endif()
if(TARGET safer_ring_uring_sim)
    set_target_properties(safer_ring_uring_sim PROPERTIES EXPORT_NAME uring_sim)
endif()
if(TARGET safer_ring_uring)
    set_target_properties(safer_ring_uring PROPERTIES EXPORT_NAME uring)
endif()
if(TARGET safer_ring_run)
    set_target_properties(safer_ring_run PROPERTIES EXPORT_NAME run)
endif()
if(TARGET safer_ring_cli)
    set_target_properties(safer_ring_cli PROPERTIES EXPORT_NAME cli)
endif()

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/safer_ring")
install(TARGETS ${targets} EXPORT safer_ring_targets
    RUNTIME COMPONENT tools
    LIBRARY COMPONENT runtime NAMELINK_COMPONENT dev
    ARCHIVE COMPONENT dev
    FILE_SET HEADERS COMPONENT dev)
install(EXPORT safer_ring_targets NAMESPACE safer_ring:: DESTINATION "${package_folder}" COMPONENT dev)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/safer_ring-config.cmake.in"
    "${PROJECT_BINARY_DIR}/package/safer_ring-config.cmake" INSTALL_DESTINATION "${package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/safer_ring-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/package/safer_ring-config.cmake"
    "${PROJECT_BINARY_DIR}/package/safer_ring-config-version.cmake"
    DESTINATION "${package_folder}" COMPONENT dev)

# Relative to the file, so that an installed tree may be moved.
file(RELATIVE_PATH pc_prefix
    "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
set(pc_private_requires "Requires.private")
if(NOT BUILD_SHARED_LIBS)
    set(pc_private_requires "Requires")
endif()
foreach(name safer_ring safer_ring_sim safer_ring_uring_sim safer_ring_uv)
    if(TARGET ${name})
        configure_file("${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in" "${PROJECT_BINARY_DIR}/package/${name}.pc" @ONLY)
        install(FILES "${PROJECT_BINARY_DIR}/package/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT dev)
    endif()
endforeach()

# An installed command finds the shared libraries beside it, wherever the tree was moved to.
if(BUILD_SHARED_LIBS AND TARGET safer_ring_cli)
    file(RELATIVE_PATH libraries "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
    set_target_properties(${targets} PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries};$ORIGIN")
endif()

# Man pages: the public functions' from the headers, the command's from its own help.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND AND TARGET safer_ring_cli)
    set(man "${PROJECT_BINARY_DIR}/man")
    set(scripts "${PROJECT_SOURCE_DIR}/docs/reference")
    file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/safer_ring/*.h")
    add_custom_command(OUTPUT "${man}/man3/sr_ring_open.3"
        COMMAND "${CMAKE_COMMAND}" -E rm -rf "${man}/man3"
        COMMAND "${Python3_EXECUTABLE}" "${scripts}/man" "${man}" "${PROJECT_VERSION}"
        DEPENDS ${headers} "${scripts}/man" "${scripts}/headers.py" VERBATIM)
    add_custom_command(OUTPUT "${man}/man1/safer-ring.1"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${man}/man1"
        COMMAND "${Python3_EXECUTABLE}" "${scripts}/man_command" "$<TARGET_FILE:safer_ring_cli>" "${man}/man1/safer-ring.1"
            "${PROJECT_VERSION}"
        DEPENDS safer_ring_cli "${scripts}/man_command" VERBATIM)
    add_custom_target(safer_ring_man ALL DEPENDS "${man}/man3/sr_ring_open.3" "${man}/man1/safer-ring.1")
    install(DIRECTORY "${man}/man3" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT dev)
    install(DIRECTORY "${man}/man1" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT tools)
endif()
if(TARGET safer_ring_cli)
    install(FILES "${PROJECT_SOURCE_DIR}/ci/cmake/safer-ring.bash-completion"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME safer-ring COMPONENT tools)
endif()

# Debian packages: ci/package.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME safer-ring)
set(CPACK_PACKAGE_CONTACT "the safer-ring developers <safer-ring@localhost>")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime dev tools)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
set(soname "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME "libsafer-ring${soname}")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "io_uring from C with buffers that change hands
 The shared libraries: the library, and the simulated kernel for tests.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libsafer-ring-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "libsafer-ring${soname} (= ${PROJECT_VERSION}), libfiu-dev, linux-libc-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "io_uring from C with buffers that change hands: development files
 Headers, CMake package, pkg-config files and manual pages.")
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME safer-ring)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "libsafer-ring${soname} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "the command safer-ring: campaigns on a simulated io_uring
 Holds programs that use io_uring against a kernel that is late, short, out of order and erroneous.")
include(CPack)
