/** A listening TCP socket of /proc/net/tcp or tcp6. */
export interface ListeningSocket {
  readonly port: number;
  readonly uid: number;
  readonly inode: string;
}

// sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode; state 0A is LISTEN.
const LISTENING =
  /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A \S+ \S+ \S+\s+(\d+)\s+\d+\s+(\d+)(?:\s|$)/gm;

/** The listening sockets of /proc/net/tcp or tcp6, whatever their address. Source: proc_pid_net(5). */
export function parseListeningSockets(text: string): ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  for (const [, port = '', uid = '', inode = ''] of text.matchAll(LISTENING)) {
    if (inode !== '0') sockets.push({ port: Number.parseInt(port, 16), uid: Number(uid), inode });
  }
  return sockets;
}

/** The socket's inode in the target of a link under /proc/PID/fd, or undefined where the file is no socket. */
export function socketInode(link: string): string | undefined {
  return /^socket:\[(\d+)\]$/.exec(link)?.[1];
}
