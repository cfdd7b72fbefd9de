# Warnings, sanitizers and coverage, for every target below the folder that includes this.

set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wswitch-enum -Wvla)
# -Wshadow: in C++ a function hides the struct of its name, which is how this API names things.
set(warnings_c -Wshadow -Wstrict-prototypes -Wmissing-prototypes)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    list(APPEND warnings_c -Wthread-safety)
endif()
if(SAFER_RING_WARNINGS_AS_ERRORS)
    list(APPEND warnings -Werror)
endif()
add_compile_options(${warnings} "$<$<COMPILE_LANGUAGE:C>:${warnings_c}>")

set(sanitize "${SAFER_RING_SANITIZE}")
if(SAFER_RING_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "SAFER_RING_FUZZ needs clang: CMAKE_C_COMPILER is ${CMAKE_C_COMPILER}")
    endif()
    # Whoever brings an engine of their own brings the instrumentation for it too, in CFLAGS.
    if(DEFINED ENV{LIB_FUZZING_ENGINE})
        set(SAFER_RING_FUZZING_ENGINE "$ENV{LIB_FUZZING_ENGINE}" CACHE STRING "What links a fuzz target to its engine")
    else()
        set(SAFER_RING_FUZZING_ENGINE "-fsanitize=fuzzer" CACHE STRING "What links a fuzz target to its engine")
        add_compile_options(-fsanitize=fuzzer-no-link)
        add_link_options(-fsanitize=fuzzer-no-link)
    endif()
endif()
if(sanitize)
    add_compile_options("-fsanitize=${sanitize}" -fno-omit-frame-pointer)
    add_link_options("-fsanitize=${sanitize}")
    if(sanitize MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
endif()

if(SAFER_RING_COVERAGE)
    add_compile_definitions(SRI_COUNT_TRANSITIONS)
    if(CMAKE_C_COMPILER_ID MATCHES "Clang")
        # Counters are kept in the file as they change: many tests' children end at once, by _exit(2) or abort(3). A count that
        # two threads raise at a time must not be lost: most counts are differences of others, and would come out as none.
        set(coverage -fprofile-instr-generate -fcoverage-mapping -mllvm -runtime-counter-relocation -fprofile-update=atomic)
        if(CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 18)
            list(APPEND coverage -fcoverage-mcdc)
        endif()
        add_compile_options(${coverage})
        add_link_options(-fprofile-instr-generate)
    else()
        add_compile_options(--coverage -fprofile-update=atomic)
        add_link_options(--coverage)
    endif()
endif()

# safer_ring_versioned(<library> <version script>): its version and soname, and what a shared one exports. Until 1.0 the interface
# may change with the second number, so that is part of the soname.
function(safer_ring_versioned target script)
    set_target_properties(${target} PROPERTIES
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "SHARED_LIBRARY")
        target_link_options(${target} PRIVATE "-Wl,--version-script=${script}")
        set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${script}")
    endif()
endfunction()
