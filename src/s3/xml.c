// SPDX-License-Identifier: Apache-2.0
#include "s3/xml.h"

#include <expat.h>
#include <stdbool.h>
#include <string.h>

#include "util/buffer.h"
#include "util/memory.h"

struct xml_reading {
    XML_Parser parser;
    const struct s3_xml_handler *handler;
    struct error *error;
    enum error_code code;
    char path[S3_XML_PATH_BYTES];
    size_t ends[S3_XML_DEPTH_MAX];   /* of path, at each depth */
    size_t starts[S3_XML_DEPTH_MAX]; /* of text, at each depth */
    size_t depth;
    struct buffer text; /* of the open elements, one behind the other */
};

static void stop_with(struct xml_reading *reading, enum error_code code)
{
    if (reading->code == OK)
        reading->code = code;
    (void)XML_StopParser(reading->parser, XML_FALSE);
}

static void refuse(struct xml_reading *reading, const char *why)
{
    if (reading->code == OK)
        stop_with(reading, error_set(reading->error, ERR_CORRUPT, "%s", why));
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct xml_reading *reading = context;
    (void)attributes;
    size_t end = reading->depth == 0 ? 0 : reading->ends[reading->depth - 1];
    size_t slash = reading->depth == 0 ? 0 : 1;
    size_t size_bytes = strlen(name);
    if (reading->depth == S3_XML_DEPTH_MAX || size_bytes >= S3_XML_PATH_BYTES - end - slash) {
        refuse(reading, "the answer's elements lie too deep in each other");
        return;
    }
    if (slash != 0)
        reading->path[end] = '/';
    memcpy(reading->path + end + slash, name, size_bytes + 1);
    reading->ends[reading->depth] = end + slash + size_bytes;
    reading->starts[reading->depth] = reading->text.size_bytes;
    reading->depth++;
}

static void XMLCALL on_text(void *context, const XML_Char *text, int size)
{
    struct xml_reading *reading = context;
    if (reading->text.size_bytes + (size_t)size > S3_XML_TEXT_BYTES_MAX)
        refuse(reading, "the answer has a text that is too long");
    else if (buffer_append(&reading->text, text, (size_t)size) != OK)
        stop_with(reading, error_no_memory(reading->error, "an answer of the object store"));
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct xml_reading *reading = context;
    (void)name;
    if (reading->code != OK)
        return;
    reading->depth--;
    size_t start = reading->starts[reading->depth];
    struct bytes_view text =
        bytes_view_of(reading->text.size_bytes == 0 ? NULL : reading->text.data + start,
                      reading->text.size_bytes - start);
    enum error_code code =
        reading->handler->element(reading->handler->context, reading->path, text, reading->error);
    reading->text.size_bytes = start;
    reading->path[reading->depth == 0 ? 0 : reading->ends[reading->depth - 1]] = '\0';
    if (code != OK)
        stop_with(reading, code);
}

/* No document types: nothing of ours needs one, and entities can grow without bounds. */
static void XMLCALL on_document_type(void *context, const XML_Char *name, const XML_Char *system,
                                     const XML_Char *public, int has_internal_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_internal_subset;
    refuse(context, "the answer has a document type, which no object store sends");
}

static enum error_code parse(struct xml_reading *reading, struct bytes_view document)
{
    XML_SetUserData(reading->parser, reading);
    XML_SetElementHandler(reading->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading->parser, on_document_type);
    enum XML_Status status =
        XML_Parse(reading->parser, (const char *)document.data, (int)document.size_bytes, XML_TRUE);
    if (reading->code != OK || status == XML_STATUS_OK)
        return reading->code;
    enum XML_Error problem = XML_GetErrorCode(reading->parser);
    if (problem == XML_ERROR_NO_MEMORY)
        return error_no_memory(reading->error, "an answer of the object store");
    return error_set(reading->error, ERR_CORRUPT, "the answer is no sound XML: %s in line %lu",
                     XML_ErrorString(problem),
                     (unsigned long)XML_GetCurrentLineNumber(reading->parser));
}

enum error_code s3_xml_read(struct bytes_view document, const struct s3_xml_handler *handler,
                            struct error *error)
{
    static const XML_Memory_Handling_Suite memory = {mem_alloc, mem_realloc, mem_free};
    /* Long work is answered by blanks first, lest the connection looks dead. */
    while (document.size_bytes > 0 && strchr(" \r\n\t", document.data[0]) != NULL)
        document = bytes_view_of(document.data + 1, document.size_bytes - 1);
    if (document.size_bytes > S3_XML_BYTES_MAX)
        return error_set(error, ERR_CORRUPT, "the answer is larger than %zu bytes",
                         S3_XML_BYTES_MAX);
    struct xml_reading reading = {.handler = handler, .error = error, .code = OK};
    reading.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
    if (reading.parser == NULL)
        return error_no_memory(error, "an answer of the object store");
    enum error_code code = parse(&reading, document);
    XML_ParserFree(reading.parser);
    buffer_release(&reading.text);
    return code;
}

enum error_code s3_xml_append_text(struct buffer *out, const char *text)
{
    enum error_code code = OK;
    for (; *text != '\0' && code == OK; text++) {
        const char *escape = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        code = escape != NULL ? buffer_append_text(out, escape)
                              : buffer_append_byte(out, (uint8_t)*text);
    }
    return code;
}
