export interface HostPort {
  /** A name or a numeric address; '' listens on all. */
  readonly host: string
  /** 0..65,535; 0 lets the system choose one when listening. */
  readonly port: number
}

/** What a socket tells its owner. Nothing is called any more after `onClose`. */
export interface SocketEvents {
  /** Bytes that came in. The memory is the receiver's from now on: nobody writes to it again. */
  onData(chunk: Buffer): void
  /** All that was written has been handed to the operating system, after `write` had answered false. */
  onDrain(): void
  /** The socket is gone, with the reason where it did not end in order. The other side's end of stream closes too. */
  onClose(error: Error | null): void
}

/** A connected stream of bytes, as `net/` sees it: TCP today, TLS and WebSocket in the same shape. */
export interface StreamSocket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** Bytes written that the operating system has not taken yet. */
  readonly bufferedBytes: number
  /** Once, before anything else: nothing is read before it. */
  start(events: SocketEvents): void
  /** All chunks in one system call where possible. False: the kernel's buffer is full, `onDrain` follows. */
  write(chunks: readonly Uint8Array[]): boolean
  pause(): void
  resume(): void
  /** Sends what was written, then the end of the stream. */
  end(): void
  /** Closes now. */
  destroy(): void
}

/** A bound address that accepts connections. */
export interface NetworkListener {
  readonly address: HostPort
  /** Accepts no more; open sockets stay. */
  close(): Promise<void>
}

/** The network, as the broker sees it. The real one is `nodeNetwork`; the simulation owns another. */
export interface Network {
  /** Rejects with the system's error (`code` EADDRINUSE, EACCES, …) where the address cannot be bound. */
  listen(address: HostPort, onSocket: (socket: StreamSocket) => void): Promise<NetworkListener>
  /** Rejects where nobody accepts. */
  connect(address: HostPort): Promise<StreamSocket>
}
