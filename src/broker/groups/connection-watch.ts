import type { MemberConnection } from './group-requests.ts'

/** The connection that a member was heard of on last. */
export class ConnectionWatch {
  /** It closed, and the member was not heard of on another one. */
  isLost = false
  #connection: MemberConnection | null = null
  #unwatch: (() => void) | null = null

  /** The member was heard of on `connection`; `onLost` is called when that closes before it was heard of on another one. */
  seen(connection: MemberConnection | null, onLost: () => void): void {
    if (connection === null || connection === this.#connection) return
    this.forget()
    if (connection.closed) return
    this.isLost = false
    this.#connection = connection
    this.#unwatch = connection.onClose(() => {
      this.#connection = null
      this.#unwatch = null
      this.isLost = true
      onLost()
    })
  }

  forget(): void {
    this.#unwatch?.()
    this.#unwatch = null
    this.#connection = null
  }
}
