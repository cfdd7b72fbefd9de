# Tests: one program per file, one ctest test per cmocka test, so that each runs in a process of its own.

# What every test's process needs to know of the sanitizers it was built with. cmocka catches SIGSEGV; ASan must come first.
set(safer_ring_test_environment
    "ASAN_OPTIONS=allow_user_segv_handler=0:detect_leaks=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1")

# safer_ring_cmocka_test(<file, relative to tests/>): the program test_<folders>_<name>, the tests <folders>.<name>.<test>.
# The first folder is a label; "threads" is the label of each file with `thread` in its name.
function(safer_ring_cmocka_test file)
    string(REGEX REPLACE "\\.c$" "" path "${file}")
    string(REGEX REPLACE "(^|/)test_" "\\1" path "${path}")
    string(REPLACE "/" "_" program "test_${path}")
    string(REPLACE "/" "." prefix "${path}")
    string(REGEX REPLACE "/.*$" "" folder "${path}")
    set(labels "${folder}")
    if(path MATCHES "thread[^/]*$")
        list(APPEND labels threads)
    endif()

    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    file(READ "${file}" text)
    string(REGEX MATCHALL "(cmocka|sr_sim)_unit_test[a-z_]*\\([ \n]*[A-Za-z0-9_]+" entries "${text}")
    list(TRANSFORM entries REPLACE "^.*\\([ \n]*" "")
    list(LENGTH entries count)

    add_executable(${program} "${file}")
    target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/mock")
    target_compile_definitions(${program} PRIVATE SR_TEST_COUNT=${count})
    target_link_libraries(${program} PRIVATE safer_ring_test_support)
    # liburing's functions over the engine.
    if(path MATCHES "^unit/liburing/")
        target_link_libraries(${program} PRIVATE safer_ring_uring_sim)
    endif()
    # … and who watches a program from below.
    if(path MATCHES "^unit/run/")
        target_link_libraries(${program} PRIVATE safer_ring_detectors)
    endif()
    # The lowest rooms' tests build and link without the simulator.
    if(NOT path MATCHES "^unit/(base|machine)/")
        target_link_libraries(${program} PRIVATE
            $<TARGET_NAME_IF_EXISTS:safer_ring_scenarios> $<TARGET_NAME_IF_EXISTS:safer_ring_sim>)
    endif()
    if(path MATCHES "^unit/uv/")
        target_link_libraries(${program} PRIVATE safer_ring_uv)
    endif()
    target_link_libraries(${program} PRIVATE safer_ring)

    # A target per label, to build only what a run of ctest with it needs: safer_ring_unit_tests, safer_ring_threads_tests, ...
    foreach(label IN LISTS labels)
        if(NOT TARGET safer_ring_${label}_tests)
            add_custom_target(safer_ring_${label}_tests)
        endif()
        add_dependencies(safer_ring_${label}_tests ${program})
    endforeach()

    # Whole campaigns take ten times as long with sanitizers, on a machine that does much else.
    set(limit 60)
    if("scenario" IN_LIST labels)
        set(limit 240)
    endif()
    foreach(entry IN LISTS entries)
        set(name "${prefix}.${entry}")
        add_test(NAME "${name}" COMMAND ${program} "${entry}")
        # cmocka 1.1.5 ends with success when the filter matches nothing.
        set_tests_properties("${name}" PROPERTIES
            LABELS "${labels}"
            TIMEOUT ${limit}
            ENVIRONMENT "${safer_ring_test_environment}"
            FAIL_REGULAR_EXPRESSION "Running 0 test"
            SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
    endforeach()
endfunction()

# safer_ring_program_test(<test> <label> <command...>): a program whose exit code tells: 0 passed, 77 skipped.
function(safer_ring_program_test name label)
    add_test(NAME "${name}" COMMAND ${ARGN})
    set_tests_properties("${name}" PROPERTIES
        LABELS "${label}"
        TIMEOUT 60
        ENVIRONMENT "${safer_ring_test_environment}"
        SKIP_RETURN_CODE 77)
endfunction()
