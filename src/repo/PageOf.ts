/**
 * A page of `limit` items of `found`, in order. The caller reads one item more than the page has: when it is there, there is a next
 * page, which begins after the place of the last item of this one.
 */
export const pageOf = <A, Place>(found: ReadonlyArray<A>, limit: number, placeOf: (item: A) => Place) => {
  const page = found.slice(0, limit)
  return { page, next: found.length > limit ? placeOf(page.at(-1)!) : undefined }
}
