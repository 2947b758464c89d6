// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/option_load.h"
#include "config/option_table.h"
#include "support/options_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void load(struct loaded *loaded, struct load_request request)
{
    options_init(&loaded->options);
    problems_init(&loaded->problems);
    problems_init(&loaded->warnings);
    loaded->config_path[0] = '\0';
    if (request.config != NULL) {
        snprintf(loaded->config_path, sizeof loaded->config_path, "/tmp/ttp-config-XXXXXX");
        int fd = mkstemp(loaded->config_path);
        assert_true(fd >= 0);
        size_t size_bytes = strlen(request.config);
        assert_int_equal(write(fd, request.config, size_bytes), (int)size_bytes);
        close(fd);
    }
    const char *texts[OPTION_MAX] = {NULL};
    for (size_t i = 0; i < 8 && request.flags[i].flag != NULL; i++) {
        int index = option_find_flag(request.flags[i].flag);
        assert_true(index >= 0);
        texts[index] = request.flags[i].value;
    }
    size_t argument_count = 0;
    while (argument_count < 3 && request.arguments[argument_count] != NULL)
        argument_count++;
    const struct option_sources sources = {
        .config_path = loaded->config_path[0] != '\0' ? loaded->config_path : NULL,
        .environment = request.environment,
        .flag_texts = texts,
        .arguments = request.arguments,
        .argument_count = argument_count};
    loaded->code = options_load(&loaded->options, &sources, &loaded->problems, &loaded->warnings);
}

void loaded_release(struct loaded *loaded)
{
    if (loaded->config_path[0] != '\0')
        unlink(loaded->config_path);
    options_release(&loaded->options);
    problems_release(&loaded->problems);
    problems_release(&loaded->warnings);
}

bool problems_contain(const struct problems *problems, const char *part)
{
    return problems->text.size_bytes != 0 &&
           strstr((const char *)problems->text.data, part) != NULL;
}
