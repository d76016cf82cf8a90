#include "collector/source.h"

#include <math.h>

#include "base/banned.h"

/*
 * Life of a feed: added with its declaration, filled each round, redeclared when the fields change,
 * ended when the service vanished: then its declaration has no fields left, goes out once more (so
 * that the catalog marks the fields as gone) and the feed is swept away.
 */

static void feed_forget_values(struct feed *feed)
{
	for (size_t i = 0; i < feed_count(feed); i++) {
		feed->values[i] = NAN;
	}
}

static void feed_destroy(gpointer data)
{
	struct feed *feed = data;
	declaration_unref(feed->declaration);
	g_free(feed->values);
	g_free(feed);
}

void source_init(struct source *source, const char *group, const char *host, uint32_t step_s)
{
	*source = (struct source){.group = g_strdup(group),
		.host = g_strdup(host),
		.step_s = step_s,
		.feeds = g_ptr_array_new_with_free_func(feed_destroy)};
}

void source_finish(struct source *source)
{
	if (source->feeds) {
		g_ptr_array_unref(source->feeds);
	}
	g_free(source->group);
	g_free(source->host);
	*source = (struct source){0};
}

static void feed_declare(struct feed *feed, struct service *service)
{
	declaration_unref(feed->declaration);
	feed->declaration = declaration_create(service);
	feed->values = g_renew(double, feed->values, service_field_count(service) + 1);
	feed_forget_values(feed);
}

struct feed *source_add(struct source *source, const char *plugin, struct service *service)
{
	struct feed *feed = g_new0(struct feed, 1);
	feed->plugin = plugin;
	feed_declare(feed, service);
	g_ptr_array_add(source->feeds, feed);
	return feed;
}

void source_redeclare(struct feed *feed, struct service *service)
{
	if (service_same(feed->declaration->service, service) &&
		feed->declaration->service->step_s == service->step_s) {
		service_destroy(service);
		return;
	}
	feed_declare(feed, service);
}

void source_end(struct feed *feed)
{
	const struct service *was = feed->declaration->service;
	struct service *empty = service_create(was->group, was->host_name, was->name, was->step_s);
	attributes_copy(&empty->attributes, &was->attributes);
	feed_declare(feed, empty);
	feed->ended = true;
	feed->fresh = true;
}

void source_sweep(struct source *source)
{
	for (size_t i = source->feeds->len; i-- > 0;) {
		const struct feed *feed = source->feeds->pdata[i];
		if (feed->ended) {
			g_ptr_array_remove_index(source->feeds, (guint)i);
		}
	}
}

void feed_begin(struct feed *feed)
{
	feed->fresh = feed->ended;
	feed_forget_values(feed);
}

void source_begin(struct source *source)
{
	for (size_t i = 0; i < source->feeds->len; i++) {
		feed_begin(source->feeds->pdata[i]);
	}
}

size_t feed_count(const struct feed *feed)
{
	return service_field_count(feed->declaration->service);
}
