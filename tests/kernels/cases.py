# SPDX-License-Identifier: GPL-2.0-or-later
"""cases.py - what runs under another kernel: those of the live tests that say something about the kernel, not about us, and
that end under emulation, which is fifty times slower. Prints TAP, as tests/live/run.py does."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "live"))
os.environ["SWTRACE_EMULATED"] = "1"
import harness  # noqa: E402
import test_alloc  # noqa: E402,F401 - each module adds its tests
import test_allocators  # noqa: E402,F401
import test_books  # noqa: E402,F401
import test_cli  # noqa: E402,F401
import test_crash  # noqa: E402,F401
import test_ends  # noqa: E402,F401
import test_engine  # noqa: E402,F401
import test_freed  # noqa: E402,F401
import test_kernel  # noqa: E402,F401
import test_launch  # noqa: E402,F401
import test_ledger  # noqa: E402,F401
import test_life  # noqa: E402,F401
import test_oracle  # noqa: E402,F401
import test_php  # noqa: E402,F401
import test_requests  # noqa: E402,F401
import test_reuse  # noqa: E402,F401
import test_stacks  # noqa: E402,F401
import test_system  # noqa: E402,F401
import test_truth  # noqa: E402,F401
import test_windows  # noqa: E402,F401

CASES = """
no_program_of_a_probe_has_a_private_stack
malloc_blocks_are_counted_to_the_byte
realloc_leaves_one_block_of_the_last_size
mappings_count_in_pages_and_follow_munmap_at_both_ends
threads_that_free_each_others_blocks_lose_nothing
the_blocks_of_threads_that_ended_stay
an_operator_new_that_throws_is_caught_as_without_tracing_and_its_exception_is_in_the_books
children_made_by_posix_spawn_disturb_nothing
a_command_is_traced_before_its_first_allocation
a_static_command_is_traced_before_its_first_allocation
after_an_exec_only_the_new_programs_blocks_are_live
an_exec_by_a_second_thread_is_the_same
a_write_to_null_is_told_with_its_address
a_call_of_a_bad_pointer_names_the_caller
a_stack_overflow_is_told_though_its_stack_is_full
a_write_to_read_only_memory_is_an_access_error
a_read_past_the_end_of_a_file_is_a_sigbus
a_crash_in_a_thread_names_the_thread
a_use_after_free_knows_whose_the_block_was
a_block_that_is_freed_twice_is_told_once_for_its_stack_and_counted
a_free_inside_a_live_block_is_told_of_a_process_that_ran_before
a_process_that_kills_itself_is_its_own_sender
a_process_killed_for_lack_of_memory_is_told_as_such
calls_of_a_named_function_are_requests_in_all_threads
a_child_that_crashes_right_after_the_fork_has_its_stack
a_stack_without_frame_pointers_is_whole
a_signal_handlers_frame_is_passed
a_deep_stack_says_that_it_goes_on
a_library_loaded_while_tracing_has_frames
code_mapped_without_the_loader_has_frames_within_a_second
each_thread_of_a_thread_safe_php_has_frames_of_its_own
every_process_is_traced_but_swtrace_itself
processes_share_the_links_of_their_files
processes_are_selected_by_program
a_worker_that_lives_is_traced_from_its_fork_on
php_frames_are_what_php_itself_tells
a_fibers_stack_has_its_root_and_who_resumed_it
lines_of_one_function_are_told_apart
a_php_crash_is_told
a_corrupted_heap_is_told_where_php_finds_it
a_crash_is_told_between_windows
a_command_is_traced_in_windows_from_its_start
the_books_are_the_ledgers_after_random_calls
the_books_are_the_ledgers_when_eight_threads_free_each_others_blocks
the_oracle_agrees_on_php
the_oracle_agrees_on_cpp_threads_that_throw
the_oracle_agrees_below_ten_pending_return_probes
the_oracle_agrees_on_a_process_that_forks
""".split()

unknown = set(CASES) - {t.__name__ for t in harness.TESTS}
assert not unknown, unknown
harness.TESTS[:] = [t for t in harness.TESTS if t.__name__ in CASES]
sys.exit(harness.run_all([]))
