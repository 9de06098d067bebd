/** Where the API is, from a page: the same origin, unless the build says below which path. */
export const baseUrl: string = process.env.NEXT_PUBLIC_API_BASE ?? "";
