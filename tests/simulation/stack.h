// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SIMULATION_STACK_H
#define TTP_SIMULATION_STACK_H

/* Several stacks in one thread, of which one runs at a time. */

struct stack;

/* The stack that runs now; once. */
struct stack *stack_of_this_thread(void);
/* Runs `body`, which never returns, when it is switched to for the first time. */
struct stack *stack_new(void (*body)(void *context), void *context);
/* From the one that runs to another; returns when somebody switches back. */
void stack_switch(struct stack *from, struct stack *to);
/* Of one that does not run, and will not again. */
void stack_free(struct stack *stack);

#endif
