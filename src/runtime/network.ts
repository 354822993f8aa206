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

/** A connected stream of bytes, as `net/` sees it: TCP or TLS. */
export interface StreamSocket {
  /** The certificate that the client showed and that was verified, in DER; null where there was none. Left out without TLS. */
  readonly peerCertificate?: Uint8Array | null
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

/** What TLS takes: PEM. */
export interface TlsMaterial {
  /** The certificate, then those that lead to its authority. */
  readonly certificate: string
  readonly key: string
  /** The authorities that clients' certificates must come from; null: none is asked for. */
  readonly ca: string | null
  /** Whether a client must show a certificate. One that is shown and cannot be verified always ends the connection. */
  readonly clientAuth: 'none' | 'requested' | 'required'
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
}

type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** What a client's side of TLS takes. */
export interface TlsClientMaterial {
  /** The authorities that the server's certificate must come from, PEM; null: those of the system. */
  readonly ca: string | null
  readonly certificate: string | null
  readonly key: string | null
}

/** TLS on a listener. */
export interface TlsListening {
  readonly material: TlsMaterial
  /** A client did not get through the handshake. */
  onHandshakeFailed(reason: string, remoteAddress: string): void
}

/** A bound address that accepts connections. */
export interface NetworkListener {
  readonly address: HostPort
  /** For connections from now on; throws an Error where the material does not fit together, and keeps the former. Only with TLS. */
  setTls?(material: TlsMaterial): void
  /** Accepts no more; open sockets stay. */
  close(): Promise<void>
}

/** The network, as the broker sees it. The real one is `nodeNetwork`; the simulation owns another. */
export interface Network {
  /**
   * Rejects with the system's error (`code` EADDRINUSE, EACCES, …) where the address cannot be bound. With TLS a socket is handed on
   * after its handshake; a network that has no TLS rejects.
   */
  listen(address: HostPort, onSocket: (socket: StreamSocket) => void, tls?: TlsListening): Promise<NetworkListener>
  /** Rejects where nobody accepts, or who accepts is not who it should be. */
  connect(address: HostPort, tls?: TlsClientMaterial): Promise<StreamSocket>
}
