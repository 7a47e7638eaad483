/**
 * A page of what was found, in order. Of the rows after a place one more than the page has is found, when there is one: then
 * there is a next page, which goes on from the place of the last one here.
 */
export const pageOf = <A, Place>(found: ReadonlyArray<A>, limit: number, placeOf: (item: A) => Place) => {
  const page = found.slice(0, limit)
  return { page, next: found.length > limit ? placeOf(page.at(-1)!) : undefined }
}
