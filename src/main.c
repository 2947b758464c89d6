// SPDX-License-Identifier: Apache-2.0
#include "app/program.h"

int main(int argc, char **argv)
{
    return (int)program_run(argc, (const char *const *)argv);
}
