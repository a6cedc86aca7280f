/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swoole-requests.c - a library with the functions of Swoole's by which its servers receive something, under the names that its C++ has in the
 * file (6.0.2). As in Swoole, what HTTP's server receives on a port that is none of HTTP's is handed on to TCP's. */
#define FUNCTION(name, symbol)                                       \
	void name(long a, long b) __asm__(symbol);                   \
	__attribute__((noinline, noclone)) void name(long a, long b) \
	{                                                            \
		__asm__ volatile("" ::"r"(a), "r"(b) : "memory");    \
	}

FUNCTION(http_context_new, "_Z23swoole_http_context_newl")
FUNCTION(websocket_on_message, "_Z26swoole_websocket_onMessagePN6swoole6ServerEPNS_8RecvDataE")
FUNCTION(server_on_receive, "_Z27php_swoole_server_onReceivePN6swoole6ServerEPNS_8RecvDataE")
FUNCTION(server_on_packet, "_Z26php_swoole_server_onPacketPN6swoole6ServerEPNS_8RecvDataE")
/* Of another name, though it begins alike. */
FUNCTION(other, "_Z24swoole_http_context_new2l")

void http_server_on_receive(long is_http, long b) __asm__(
	"_Z32php_swoole_http_server_onReceivePN6swoole6ServerEPNS_8RecvDataE");
void http_server_on_receive(long is_http, long b)
{
	if (is_http)
		http_context_new(b, 0);
	else
		server_on_receive(is_http, b);
}
