import { address } from "./Address.ts"

const HOST = `host: ${address.host}:${address.port}\r\n`

export const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${HOST}accept: application/json\r\n\r\n`

export const post = (path: string, value: unknown): string => {
  const body = JSON.stringify(value)
  return (
    `POST ${path} HTTP/1.1\r\n${HOST}accept: application/json\r\n` +
    `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}
