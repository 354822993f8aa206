/** Where a listener listens, or where its clients find it. */
export interface ListenerAddress {
  /** A host name or an address, without brackets. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** As it was written: what `--insecure` names. */
  readonly text: string
}

/** Reads `HOST:PORT`, `[IPV6]:PORT`, `:PORT` and `*:PORT` (all interfaces); answers what is wrong with it in words. */
export function parseListenerAddress(words: string): ListenerAddress | string {
  const match = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]*)):(?<port>\d+)$/.exec(words)
  if (match?.groups === undefined) return `must be HOST:PORT (an IPv6 address in brackets), not "${words}"`
  const port = Number(match.groups.port)
  if (port > 65_535) return `must have a port of at most 65535, not ${port}`
  const named = match.groups.bracketed ?? match.groups.plain ?? ''
  return { host: named === '' || named === '*' ? '::' : named, port, text: words }
}

/** `HOST:PORT`, with brackets where the host is an IPv6 address. */
export function printAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether only this machine can reach the host: `localhost`, 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(host)
}
