/** Packet ids are 1..65,535. */
export const MAX_PACKET_ID = 65_535

/** Ids per reservation, and how a reservation is made durable; null where the session ends with its connection. */
export interface Reservation {
  readonly step: number
  /** Keeps on disk that ids up to, not including, `floor` may have been used. */
  reserve(floor: number, onDurable: () => void): void
}

/**
 * The packet ids of what one session sends, in rising order and around. A session that outlives a crash takes them from a
 * range reserved on disk and goes on behind that range afterwards: an id that a client may still acknowledge is then not
 * given to another message.
 */
export class PacketIds {
  readonly #reservation: Reservation | null
  #next: number
  #left: number
  /** Where the newest reservation ends, and whether it is durable. */
  #floor: number
  #pending = false

  /** `floor`: what the last reservation said, 1 for a new session, whose first range is reserved with the session itself. */
  constructor(reservation: Reservation | null, floor: number) {
    this.#reservation = reservation
    this.#next = floor
    this.#floor = reservation === null ? floor : around(floor + reservation.step)
    this.#left = reservation === null ? Number.POSITIVE_INFINITY : reservation.step
  }

  /** The end of the newest reservation: what is to be kept with the session. */
  get floor(): number {
    return this.#floor
  }

  /** The next id that is not in use; 0 where a reservation must come first. `onMore` is called when it came. */
  take(isInUse: (id: number) => boolean, onMore: () => void): number {
    if (this.#reservation !== null && this.#left < this.#reservation.step / 2) this.#reserve(this.#reservation, onMore)
    while (this.#left > 0) {
      const id = this.#next
      this.#next = around(id + 1)
      this.#left--
      if (!isInUse(id)) return id
    }
    return 0
  }

  #reserve(reservation: Reservation, onMore: () => void): void {
    if (this.#pending) return
    this.#pending = true
    this.#floor = around(this.#floor + reservation.step)
    reservation.reserve(this.#floor, () => {
      this.#pending = false
      const wasEmpty = this.#left === 0
      this.#left += reservation.step
      if (wasEmpty) onMore()
    })
  }
}

/** Ids go around from 65,535 to 1. */
function around(id: number): number {
  return ((id - 1) % MAX_PACKET_ID) + 1
}
