# cmake -DBUILD=<build folder> -DWORK=<scratch folder> -P check.cmake: installs the build, and builds and runs a consumer of
# it, by find_package and by pkg-config.

file(REMOVE_RECURSE "${WORK}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/first" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
# Nothing of the place it was installed to may stay in it.
file(RENAME "${WORK}/first" "${WORK}/moved")
file(GLOB_RECURSE pkg_config_files "${WORK}/moved/*/safer_ring.pc")
cmake_path(GET pkg_config_files PARENT_PATH folder)
set(ENV{PKG_CONFIG_PATH} "${folder}")

foreach(with_pkg_config OFF ON)
    set(consumer "${WORK}/consumer-${with_pkg_config}")
    execute_process(COMMAND "${CMAKE_COMMAND}" -G Ninja -S "${CMAKE_CURRENT_LIST_DIR}/smallest" -B "${consumer}"
        "-DCMAKE_PREFIX_PATH=${WORK}/moved" "-DWITH_PKG_CONFIG=${with_pkg_config}" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND "${CMAKE_COMMAND}" --build "${consumer}" COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND "${consumer}/consumer" COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND "${consumer}/scarce" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
