export const GET = () => Response.json("only administrators come here");
