#include "collector/services/varnish_graph.h"

#include "base/banned.h"

/*
 * One table. Where stock Munin hides counters of another Varnish, both names stand here: only those
 * that are there become fields.
 */
#define RATE(name, text, ...)                                                                      \
	{                                                                                              \
		"MAIN." name,                                                                              \
		{                                                                                          \
			name, text, FIELD_DERIVE, .min = "0", .unit = "/s", __VA_ARGS__                        \
		}                                                                                          \
	}
#define GAUGE(name, text, ...)                                                                     \
	{                                                                                              \
		"MAIN." name,                                                                              \
		{                                                                                          \
			name, text, FIELD_GAUGE, __VA_ARGS__                                                   \
		}                                                                                          \
	}
#define STORAGE(counter, text)                                                                     \
	{                                                                                              \
		counter,                                                                                   \
		{                                                                                          \
			"", text, FIELD_GAUGE, .unit = "B"                                                     \
		}                                                                                          \
	}

const struct varnish_graph varnish_graphs[VARNISH_GRAPHS] = {
	{{.name = "varnish_request_rate",
		 .title = "Request rates",
		 .category = "Varnish",
		 .order = "cache_hit cache_hitpass cache_miss backend_conn backend_unhealthy client_req",
		 .info = "Requests, and where their answers came from."},
		{RATE("sess_conn", "Client connections", .colour = "444444"),
			RATE("client_req", "Client requests", .colour = "111111"),
			RATE("cache_hit", "Cache hits", .draw = "AREA", .colour = "00FF00"),
			RATE("cache_hitpass", "Cache hits for pass", .draw = "STACK", .colour = "FFFF00",
				.info = "The cache says that this page has to come from behind each time"),
			RATE("cache_miss", "Cache misses", .draw = "STACK", .colour = "FF0000"),
			RATE("backend_conn", "Backend connections", .colour = "995599"),
			RATE("backend_unhealthy", "Backend not tried, sick", .colour = "FF55FF"),
			RATE("s_pipe", "Pipes", .colour = "1d2bdf"),
			RATE("s_pass", "Passes", .colour = "785d0d")}},
	{{.name = "varnish_hit_rate",
		 .title = "Hit rates",
		 .args = "-u 100 --rigid",
		 .vlabel = "%",
		 .category = "Varnish",
		 .order = "client_req cache_hit cache_miss cache_hitpass",
		 .info = "Share of requests answered from the cache.",
		 .no_scale = true},
		{RATE("client_req", "Client requests", .hidden = true),
			RATE("cache_hit", "Cache hits", .draw = "AREA", .cdef = "cache_hit,client_req,/,100,*"),
			RATE("cache_miss", "Cache misses", .draw = "STACK",
				.cdef = "cache_miss,client_req,/,100,*"),
			RATE("cache_hitpass", "Cache hits for pass", .draw = "STACK",
				.cdef = "cache_hitpass,client_req,/,100,*")}},
	{{.name = "varnish_backend_traffic",
		 .title = "Backend traffic",
		 .category = "Varnish",
		 .info = "Connections to what stands behind."},
		{RATE("backend_conn", "Connections made"),
			RATE("backend_unhealthy", "Not tried, sick", .warning = ":1"),
			RATE("backend_busy", "Not tried, too many"), RATE("backend_fail", "Failed"),
			RATE("backend_reuse", "Used again"), RATE("backend_recycle", "Kept for another use"),
			RATE("backend_retry", "Tried again"), RATE("backend_req", "Requests")}},
	{{.name = "varnish_objects",
		 .title = "Number of objects",
		 .category = "Varnish",
		 .order = "n_object n_objectcore n_vampireobject n_objecthead",
		 .info = "What the cache holds."},
		{GAUGE("n_object", "Number of objects"), GAUGE("n_objectcore", "Number of object cores"),
			GAUGE("n_vampireobject", "Number of unresurrected objects"),
			GAUGE("n_objecthead", "Number of object heads",
				.info = "One per page; variants of it share the head")}},
	{{.name = "varnish_transfer_rates",
		 .title = "Transfer rates",
		 .args = "-l 0",
		 .vlabel = "bit/s",
		 .category = "Varnish",
		 .order = "s_resp_bodybytes s_resp_hdrbytes",
		 .info = "Bits sent to clients."},
		{RATE("s_resp_bodybytes", "Body traffic", .draw = "AREA", .cdef = "s_resp_bodybytes,8,*"),
			RATE("s_resp_hdrbytes", "Header traffic", .draw = "STACK",
				.cdef = "s_resp_hdrbytes,8,*")}},
	{{.name = "varnish_threads",
		 .title = "Thread status",
		 .category = "Varnish",
		 .info = "Threads that serve, and requests that wait for one."},
		{GAUGE("threads", "Threads", .min = "0", .warning = "1:"),
			RATE("threads_created", "Threads created"),
			RATE("threads_failed", "Threads that could not be made", .warning = ":1"),
			RATE("threads_limited", "Times no more were allowed"),
			RATE("threads_destroyed", "Threads ended"),
			GAUGE("thread_queue_len", "Requests that wait", .min = "0")}},
	{{.name = "varnish_memory_usage",
		 .title = "Memory usage",
		 .args = "--base 1024",
		 .vlabel = "bytes",
		 .category = "Varnish",
		 .info = "Memory of the storages, taken and free."},
		{STORAGE("SMA.*.g_bytes", "taken"), STORAGE("SMA.*.g_space", "free"),
			STORAGE("SMF.*.g_bytes", "taken"), STORAGE("SMF.*.g_space", "free")}},
	{{.name = "varnish_uptime",
		 .title = "Varnish uptime",
		 .vlabel = "days",
		 .category = "Varnish",
		 .info = "Since the child was started.",
		 .no_scale = true},
		{GAUGE("uptime", "Child process uptime", .cdef = "uptime,86400,/")}},
	{{.name = "varnish_expunge",
		 .title = "Object expunging",
		 .category = "Varnish",
		 .order = "n_expired n_lru_nuked",
		 .info = "Objects that left the cache, by age and for want of room."},
		{RATE("n_expired", "Expired"), RATE("n_lru_nuked", "Pushed out")}},
	{{.name = "varnish_bad",
		 .title = "Misbehavior",
		 .category = "Varnish",
		 .info = "What should not happen."},
		{RATE("sess_drop", "Sessions dropped"), RATE("sess_dropped", "Sessions dropped, no thread"),
			RATE("backend_unhealthy", "Backend not tried, sick"),
			RATE("backend_busy", "Backend not tried, too many"),
			RATE("fetch_failed", "Fetch failed"),
			RATE("threads_failed", "Threads that could not be made"),
			RATE("threads_limited", "Times no more threads were allowed"),
			RATE("losthdr", "Headers lost"), RATE("esi_errors", "ESI errors"),
			RATE("ws_client_overflow", "Client workspace full"),
			RATE("ws_backend_overflow", "Backend workspace full")}},
};
