// Package post is the door to Teams: it turns a parcel into one HTTP call and
// what came of it into an outcome.
package post
