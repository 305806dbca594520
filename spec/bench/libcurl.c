/*
 * Lists pages with libcurl alone, no Lua, no signature, nothing parsed but
 * the token: libcurl PAGES. One easy handle is used for all of them. Trust is
 * what libcurl does unless told otherwise.
 */
#define _GNU_SOURCE

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAGE 65536
#define TAIL 256 /* bytes of a page in which its token lies */

struct page { size_t length; char bytes[MAX_PAGE]; };

static size_t take(char *data, size_t one, size_t length, void *context) {
  struct page *page = context;
  (void)one;
  if (length > sizeof page->bytes - page->length) return 0;
  memcpy(page->bytes + page->length, data, length);
  page->length += length;
  return length;
}

/* Writes the request for the page after this one; false: it is the last. */
static int write_next(const struct page *page, char *body, size_t size) {
  size_t tail = page->length < TAIL ? page->length : TAIL;
  const char *end = page->bytes + page->length - tail;
  const char *token = memmem(end, tail, "\"NextToken\":\"", 13);
  if (token == NULL) return 0;
  end = page->bytes + page->length - 2; /* "} */
  token += 13;
  (void)snprintf(body, size, "{\"ProgressUpdateStream\":\"SMS\","
                 "\"NextToken\":\"%.*s\"}", (int)(end - token), token);
  return 1;
}

static struct curl_slist *make_headers(void) {
  struct curl_slist *headers = curl_slist_append(
    NULL, "Content-Type: application/x-amz-json-1.1");
  return curl_slist_append(
    headers, "X-Amz-Target: AWSMigrationHub.ListMigrationTaskUpdates");
}

static int list(CURL *easy, struct page *page, const char *pages) {
  char body[1024];
  int count = 0;
  (void)snprintf(body, sizeof body, "{\"ProgressUpdateStream\":\"SMS\","
                 "\"MigrationTaskName\":\"sms-P%s\"}", pages);
  do {
    page->length = 0;
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    if (curl_easy_perform(easy) != CURLE_OK) return 0;
    if (count++ == 0) printf("%.16s\n", page->bytes), fflush(stdout);
  } while (write_next(page, body, sizeof body));
  return count;
}

int main(int count, char **arguments) {
  static struct page page;
  struct curl_slist *headers = make_headers();
  const char *url = getenv("AWS_ENDPOINT_URL_MIGRATION_HUB");
  CURL *easy = curl_easy_init();
  int pages;
  if (count != 2 || url == NULL || easy == NULL) return 2;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &page);
  pages = list(easy, &page, arguments[1]);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  printf("%d pages\n", pages);
  return pages == strtol(arguments[1], NULL, 10) ? 0 : 1;
}
