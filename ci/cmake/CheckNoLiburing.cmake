# cmake -DNM=<nm> -DLIBRARY=<file> -P CheckNoLiburing.cmake: fails if the library needs a function that liburing exports.

cmake_path(GET LIBRARY EXTENSION LAST_ONLY extension)
set(options --undefined-only)
if(NOT extension STREQUAL ".a")
    list(APPEND options --dynamic)
endif()
execute_process(COMMAND "${NM}" ${options} "${LIBRARY}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[ \t]_*io_uring_[a-z_0-9]+" found "${symbols}")
if(found)
    list(REMOVE_DUPLICATES found)
    message(FATAL_ERROR "${LIBRARY} needs from liburing:${found}")
endif()
