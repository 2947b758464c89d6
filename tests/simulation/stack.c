// SPDX-License-Identifier: Apache-2.0
#include "stack.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

/* As large as a thread's; what is never touched costs nothing. */
#define STACK_BYTES ((size_t)8 << 20)
#define GUARD_BYTES ((size_t)64 << 10)

/* Sanitizers keep an account of the stack that runs: they have to be told. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

struct stack {
    ucontext_t state;
    uint8_t *memory;    /* NULL: the thread's own */
    const void *bottom; /* as ASan knows it */
    size_t size_bytes;
    void *fiber; /* TSan's */
    void (*body)(void *context);
    void *context;
};

/* makecontext passes no pointers. */
static struct stack *entered, *left;

static void leave(struct stack *from, struct stack *to, void **kept)
{
    (void)from;
    (void)to;
    (void)kept;
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(kept, to->bottom, to->size_bytes);
#endif
#ifdef HAS_TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
}

static void arrive(void *kept)
{
    (void)kept;
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(kept, &left->bottom, &left->size_bytes);
#endif
}

static void fail(const char *what)
{
    perror(what);
    abort();
}

struct stack *stack_of_this_thread(void)
{
    struct stack *stack = calloc(1, sizeof *stack);
    if (stack == NULL)
        fail("a stack");
#ifdef HAS_TSAN
    stack->fiber = __tsan_get_current_fiber();
#endif
    return stack;
}

static void enter(void)
{
    arrive(NULL);
    entered->body(entered->context);
    abort(); /* it must not return */
}

struct stack *stack_new(void (*body)(void *context), void *context)
{
    struct stack *stack = stack_of_this_thread();
    stack->body = body;
    stack->context = context;
    stack->memory = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack->memory == MAP_FAILED || mprotect(stack->memory, GUARD_BYTES, PROT_NONE) != 0 ||
        getcontext(&stack->state) != 0)
        fail("a stack");
    stack->bottom = stack->memory + GUARD_BYTES;
    stack->size_bytes = STACK_BYTES;
    stack->state.uc_stack.ss_sp = stack->memory + GUARD_BYTES;
    stack->state.uc_stack.ss_size = STACK_BYTES;
    makecontext(&stack->state, enter, 0);
#ifdef HAS_TSAN
    stack->fiber = __tsan_create_fiber(0);
#endif
    return stack;
}

void stack_switch(struct stack *from, struct stack *to)
{
    void *kept = NULL;
    entered = to;
    left = from;
    leave(from, to, &kept);
    if (swapcontext(&from->state, &to->state) != 0)
        fail("swapcontext");
    arrive(kept);
}

void stack_free(struct stack *stack)
{
#ifdef HAS_TSAN
    __tsan_destroy_fiber(stack->fiber);
#endif
    munmap(stack->memory, GUARD_BYTES + STACK_BYTES);
    free(stack);
}
