"""Speaks TLS and hangs up without its close_notify: abrupt.py FOLDER, over a listening socket that
it inherits as standard output. It ends when somebody says "stop", or its standard input ends."""
import os
import socket
import ssl
import sys
import threading

HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    b"/head": HEAD,
    b"/open": HEAD + b"\r\nabc",
    b"/short": HEAD + b"Content-Length: 5\r\n\r\nabc",
    b"/whole": HEAD + b"Content-Length: 3\r\n\r\nabc",
}

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/good.pem", sys.argv[1] + "/key.pem")


def serve(connection):
    try:
        secure = context.wrap_socket(connection, server_side=True)
        secure.sendall(ANSWERS[secure.recv(65536).split(b" ")[1]])
        secure.close()  # which is only the socket's: it takes unwrap() to say so over TLS
    except OSError:
        connection.close()


def end():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end, daemon=True).start()
listener = socket.socket(fileno=1)
listener.setblocking(True)
while True:
    connection = listener.accept()[0]
    connection.settimeout(10)
    if connection.recv(4, socket.MSG_PEEK) == b"stop":
        break
    serve(connection)
os._exit(0)
