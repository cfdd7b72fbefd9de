# cmake --install: headers, libraries, the command, a CMake package (find_package(safer_ring)) and pkg-config files.

include(CMakePackageConfigHelpers)

set(targets safer_ring)
foreach(target safer_ring_sim safer_ring_cli safer_ring_uring_sim)
    if(TARGET ${target})
        list(APPEND targets ${target})
    endif()
endforeach()
if(TARGET safer_ring_sim)
    set_target_properties(safer_ring_sim PROPERTIES EXPORT_NAME sim)
endif()
if(TARGET safer_ring_uring_sim)
    set_target_properties(safer_ring_uring_sim PROPERTIES EXPORT_NAME uring_sim)
endif()
if(TARGET safer_ring_cli)
    set_target_properties(safer_ring_cli PROPERTIES EXPORT_NAME cli)
endif()

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/safer_ring")
install(TARGETS ${targets} EXPORT safer_ring_targets FILE_SET HEADERS)
install(EXPORT safer_ring_targets NAMESPACE safer_ring:: DESTINATION "${package_folder}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/safer_ring-config.cmake.in"
    "${PROJECT_BINARY_DIR}/package/safer_ring-config.cmake" INSTALL_DESTINATION "${package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/safer_ring-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/package/safer_ring-config.cmake"
    "${PROJECT_BINARY_DIR}/package/safer_ring-config-version.cmake"
    DESTINATION "${package_folder}")

# Relative to the file, so that an installed tree may be moved.
file(RELATIVE_PATH pc_prefix
    "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
set(pc_private_requires "Requires.private")
if(NOT BUILD_SHARED_LIBS)
    set(pc_private_requires "Requires")
endif()
foreach(name safer_ring safer_ring_sim)
    if(TARGET ${name})
        configure_file("${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in" "${PROJECT_BINARY_DIR}/package/${name}.pc" @ONLY)
        install(FILES "${PROJECT_BINARY_DIR}/package/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
    endif()
endforeach()
