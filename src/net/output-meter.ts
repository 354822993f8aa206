/** Bytes written to all connections of a listener that their peers have not taken. */
export class OutputMeter {
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Called by connections: positive when written, negative when taken or dropped. */
  add(bytes: number): void {
    this.#bytes += bytes
  }
}
