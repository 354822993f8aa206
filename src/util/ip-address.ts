const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/** Whether `text` is an IPv4 or IPv6 address, as a socket tells it: no name, no port, no zone. */
export function isAddress(text: string): boolean {
  return IPV4.test(text) || isIPv6(text)
}

function isIPv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1)
  const isMapped = last !== undefined && text.endsWith(last) && IPV4.test(last)
  if (!groups.every((group, i) => /^[0-9a-f]{1,4}$/i.test(group) || (isMapped && i === groups.length - 1))) return false
  const length = groups.length + (isMapped ? 1 : 0)
  return halves.length === 2 ? length < 8 : length === 8
}
