// SPDX-License-Identifier: Apache-2.0
#include "s3/profile.h"

#include <errno.h>
#include <string.h>

#include "os/file.h"
#include "util/buffer.h"
#include "util/memory.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

static const char *const key_names[S3_PROFILE_KEY_COUNT] = {
    [S3_PROFILE_ACCESS_KEY_ID] = "aws_access_key_id",
    [S3_PROFILE_SECRET_ACCESS_KEY] = "aws_secret_access_key",
    [S3_PROFILE_SESSION_TOKEN] = "aws_session_token",
    [S3_PROFILE_REGION] = "region",
    [S3_PROFILE_ENDPOINT] = "endpoint_url",
    [S3_PROFILE_CA_BUNDLE] = "ca_bundle",
    [S3_PROFILE_ROLE_ARN] = "role_arn",
    [S3_PROFILE_ROLE_SESSION_NAME] = "role_session_name",
    [S3_PROFILE_TOKEN_FILE] = "web_identity_token_file",
    [S3_PROFILE_PROCESS] = "credential_process",
    [S3_PROFILE_SSO_SESSION] = "sso_session",
    [S3_PROFILE_SSO_URL] = "sso_start_url",
    [S3_PROFILE_SOURCE_PROFILE] = "source_profile",
    [S3_PROFILE_CREDENTIAL_SOURCE] = "credential_source",
};

void s3_profile_init(struct s3_profile *profile)
{
    *profile = (struct s3_profile){0};
}

static void forget(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    mem_free(*text);
    *text = NULL;
}

void s3_profile_release(struct s3_profile *profile)
{
    for (size_t i = 0; i < S3_PROFILE_KEY_COUNT; i++)
        forget(&profile->values[i]);
    forget(&profile->name);
    s3_profile_init(profile);
}

const char *s3_profile_key_name(enum s3_profile_key key)
{
    return key_names[key];
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct bytes_view trimmed(struct bytes_view text)
{
    while (text.size_bytes > 0 && is_blank(text.data[0]))
        text = bytes_view_of(text.data + 1, text.size_bytes - 1);
    while (text.size_bytes > 0 && is_blank(text.data[text.size_bytes - 1]))
        text.size_bytes--;
    return text;
}

/* Without a comment: '#' or ';' behind a blank. */
static struct bytes_view without_comment(struct bytes_view text)
{
    for (size_t i = 1; i < text.size_bytes; i++) {
        if ((text.data[i] == '#' || text.data[i] == ';') && is_blank(text.data[i - 1]))
            return trimmed(bytes_view_of(text.data, i));
    }
    return text;
}

/* Whether a line "[profile NAME]" begins the section wanted. */
static bool is_section(struct bytes_view line, const char *name, bool is_config)
{
    static const char word[] = "profile";
    const uint8_t *end = memchr(line.data, ']', line.size_bytes);
    if (end == NULL)
        return false;
    struct bytes_view inside = trimmed(bytes_view_of(line.data + 1, (size_t)(end - line.data) - 1));
    if (is_config && inside.size_bytes > sizeof word && is_blank(inside.data[sizeof word - 1]) &&
        memcmp(inside.data, word, sizeof word - 1) == 0)
        inside = trimmed(bytes_view_of(inside.data + sizeof word, inside.size_bytes - sizeof word));
    else if (is_config && strcmp(name, "default") != 0)
        return false;
    return bytes_equal(inside, bytes_view_text(name));
}

static enum error_code take_setting(struct s3_profile *profile, struct bytes_view line)
{
    const uint8_t *equals = memchr(line.data, '=', line.size_bytes);
    if (equals == NULL)
        return OK;
    size_t name_bytes = (size_t)(equals - line.data);
    struct bytes_view name = trimmed(bytes_view_of(line.data, name_bytes));
    struct bytes_view value =
        without_comment(trimmed(bytes_view_of(equals + 1, line.size_bytes - name_bytes - 1)));
    for (size_t i = 0; i < S3_PROFILE_KEY_COUNT; i++) {
        if (!bytes_equal(name, bytes_view_text(key_names[i])))
            continue;
        forget(&profile->values[i]);
        if (value.size_bytes == 0 || memchr(value.data, '\0', value.size_bytes) != NULL)
            return OK;
        profile->values[i] = mem_alloc(value.size_bytes + 1);
        if (profile->values[i] == NULL)
            return ERR_NO_MEMORY;
        memcpy(profile->values[i], value.data, value.size_bytes);
        profile->values[i][value.size_bytes] = '\0';
    }
    return OK;
}

enum error_code s3_profile_parse(struct s3_profile *profile, const char *name, bool is_config,
                                 struct bytes_view text)
{
    bool is_wanted = false;
    enum error_code code = OK;
    while (text.size_bytes > 0 && code == OK) {
        const uint8_t *feed = memchr(text.data, '\n', text.size_bytes);
        size_t size_bytes = feed == NULL ? text.size_bytes : (size_t)(feed - text.data);
        /* A line that begins with a blank belongs to the setting above: "s3 =" and what follows. */
        bool goes_on = size_bytes > 0 && is_blank(text.data[0]);
        struct bytes_view line = trimmed(bytes_view_of(text.data, size_bytes));
        size_t taken_bytes = feed == NULL ? size_bytes : size_bytes + 1;
        text = bytes_view_of(text.data + taken_bytes, text.size_bytes - taken_bytes);
        if (line.size_bytes == 0 || goes_on || line.data[0] == '#' || line.data[0] == ';')
            continue;
        if (line.data[0] == '[') {
            is_wanted = is_section(line, name, is_config);
            profile->was_found = profile->was_found || is_wanted;
        } else if (is_wanted) {
            code = take_setting(profile, line);
        }
    }
    return code;
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* A file's path: the variable's value, "~/" being HOME, else `usual` below HOME. ERR_NOT_FOUND: no
 * HOME. */
static enum error_code find_path(const char *(*variable)(const char *), const char *name,
                                 const char *usual, struct buffer *path)
{
    const char *set = variable(name);
    const char *home = variable("HOME");
    if (is_set(set) && strncmp(set, "~/", 2) != 0)
        return buffer_append(path, set, strlen(set) + 1);
    if (!is_set(home))
        return ERR_NOT_FOUND;
    enum error_code code = buffer_append_format(path, "%s/%s", home, is_set(set) ? set + 2 : usual);
    return code == OK ? buffer_append_byte(path, 0) : code;
}

static enum error_code read_file(struct s3_profile *profile, const char *path, bool is_config,
                                 bool is_named, struct error *error)
{
    struct buffer text;
    struct error reason;
    buffer_init(&text);
    error_clear(&reason);
    enum error_code code = os_read_whole(path, FILE_BYTES_MAX, &text, &reason);
    if (code == OK && s3_profile_parse(profile, profile->name, is_config, buffer_view(&text)) != OK)
        code = error_no_memory(&reason, path);
    if (text.data != NULL)
        explicit_bzero(text.data, text.capacity_bytes);
    buffer_release(&text);
    /* A home that is another user's, or none at all, as in containers, has no such file for us. */
    bool is_out_of_reach = !is_named && code == ERR_IO &&
                           (reason.system_errno == EACCES || reason.system_errno == ENOTDIR);
    if (code == OK || code == ERR_NOT_FOUND || is_out_of_reach)
        return OK;
    return error_set(error, code == ERR_NO_MEMORY ? code : ERR_INVALID,
                     "AWS's files, where credentials may stand, can't be read: %s", reason.message);
}

static enum error_code read_files(struct s3_profile *profile, const char *(*variable)(const char *),
                                  struct error *error)
{
    static const struct {
        const char *variable;
        const char *usual;
        bool is_config;
    } files[] = {{"AWS_CONFIG_FILE", ".aws/config", true},
                 {"AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", false}};
    enum error_code code = OK;
    struct buffer path;
    buffer_init(&path);
    for (size_t i = 0; i < 2 && code == OK; i++) {
        buffer_reset(&path);
        code = find_path(variable, files[i].variable, files[i].usual, &path);
        if (code == OK)
            code = read_file(profile, (const char *)path.data, files[i].is_config,
                             is_set(variable(files[i].variable)), error);
        else if (code == ERR_NOT_FOUND)
            code = OK;
        else
            code = error_no_memory(error, "the path of AWS's files");
    }
    buffer_release(&path);
    return code;
}

enum error_code s3_profile_read(struct s3_profile *profile, const char *(*variable)(const char *),
                                struct error *error)
{
    const char *wanted = variable("AWS_PROFILE");
    bool is_named = is_set(wanted);
    profile->name = mem_copy_text(is_named ? wanted : "default");
    if (profile->name == NULL)
        return error_no_memory(error, "a profile of AWS");
    enum error_code code = read_files(profile, variable, error);
    if (code == OK && is_named && !profile->was_found)
        return error_set(error, ERR_INVALID,
                         "AWS_PROFILE names the profile %s, which neither AWS's configuration nor "
                         "its credentials file has; correct it, or AWS_CONFIG_FILE and "
                         "AWS_SHARED_CREDENTIALS_FILE",
                         profile->name);
    return code;
}
