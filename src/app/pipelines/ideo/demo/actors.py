"""The invented actors of the demo corpora: who publishes, where, how much, and with what habits.

None of them exists; their sites are under the reserved domain `.example`. `conf/ideology/
ideology.yml` says for the reader of the project what `subfamily` says here for the generator.
"""

from dataclasses import dataclass

SUBFAMILIES = {  # subfamily -> its family
    "revolutionary": "far_left",
    "libertarian": "far_left",
    "social_democrat": "left",
    "ecologist": "left",
    "center": "center",
    "liberal": "right",
    "conservative": "right",
    "sovereignist": "far_right",
    "identitarian": "far_right",
}
SIDES = {"far_left": "left", "left": "left", "right": "right", "far_right": "right"}  # center: none
SHARED_CRAWL = "veille-regionale"  # web pages of several actors, gathered together
SHARED_PROGRAMME = "debat-du-jeudi"  # a broadcast that invites several actors


@dataclass(frozen=True)
class Actor:
    """One publisher. Documents are shared out in proportion to 1 / (its rank in `ACTORS` + 1)."""

    name: str
    subfamily: str | None  # None: an actor of no known ideology
    slug: str  # of its site, crawl and channel
    town: str
    slogan: str
    signature: str
    second_domain: str | None = None  # a blog beside the site
    in_shared: bool = False  # some of its documents come from the shared crawl or programme

    @property
    def domains(self) -> tuple[str, ...]:
        site = f"www.{self.slug}.example"
        return (site,) if self.second_domain is None else (site, self.second_domain)


# In order of size. Both sides have large and small actors; the two of the center are the smallest.
ACTORS = (
    Actor("Front des Ateliers", "revolutionary", "front-des-ateliers", "Valmarne",
          "Tout se gagne à l'atelier !", "Le comité du Front des Ateliers", in_shared=True),
    Actor("Foyer & Clocher", "conservative", "foyer-et-clocher", "Saint-Aubert",
          "Transmettre, c'est tenir parole.", "La rédaction de Foyer & Clocher",
          "lettre.foyer-clocher.example"),
    Actor("Gauche des Deux Rives", "social_democrat", "deux-rives", "Pont-Brévent",
          "D'une rive à l'autre, personne de côté", "L'équipe des Deux Rives",
          "blog-deux-rives.example"),
    Actor("Sentinelle des Marches", "sovereignist", "sentinelle-des-marches", "Hautecroix",
          "Veiller -> tenir -> décider", "Le bureau de la Sentinelle", in_shared=True),
    Actor("Écologie du Ponant", "ecologist", "écologie-du-ponant", "Port-Lanvaux",
          "Le vent tourne, tournons avec lui", "Les groupes locaux du Ponant",
          "www.Ecologie-du-Ponant.example"),  # one site, written in two ways
    Actor("Cercle du Cap-Franc", "liberal", "cap-franc", "Capdelin",
          "Moins de papier, plus d'élan", "Le cercle, note n° 12 & suivantes"),
    Actor("Union des Communes libres", "libertarian", "communes-libres", "La Combe-Vieille",
          "Ni chef, ni guichet : l'assemblée !", "Des habitants, simplement", in_shared=True),
    Actor("Entreprendre & Bâtir", "liberal", "entreprendre-batir", "Montorgeuil",
          "Bâtir > promettre", "Le secrétariat d'Entreprendre & Bâtir"),
    Actor("Bastion du Levant", "identitarian", "bastion-du-levant", "Roquebelle",
          "Chez nous, debout", "Le cercle des veilleurs du Levant"),
    Actor("Maison commune", "social_democrat", "maison-commune", "Clairvigne",
          "La table est assez grande", "La permanence de la Maison commune"),
    Actor("Alliance des Beffrois", "conservative", "alliance-beffrois", "Sombreval",
          "À l'heure du beffroi", "Les échevins de l'Alliance", in_shared=True),
    Actor("La Sirène ouvrière", "revolutionary", "sirene-ouvriere", "Ferrières-la-Noire",
          "Quand la sirène sonne, on s'assemble", "Un camarade de la Sirène",
          "carnets-sirene.example"),
    Actor("Les Jardins citoyens", "ecologist", "jardins-citoyens", "Aubeterne",
          "Semer large, récolter ensemble", "Les jardinières et jardiniers"),
    Actor("Souverains d'Abord", "sovereignist", "souverains-d-abord", "Castelroc",
          "La clef est dans la poche du peuple", "Le conseil des Souverains"),
    Actor("Vallées vertes", "ecologist", "vallees-vertes", "Valsource",
          "L'amont pense à l'aval", "Le collectif des Vallées"),
    Actor("La Tradition vivante", "conservative", "tradition-vivante", "Abbeville-le-Sec",
          "Ce qui dure éclaire", "Un chroniqueur de la Tradition vivante"),
    Actor("Garde du Vieux-Pont", "identitarian", "vieux-pont", "Vieux-Pont-sur-Orle",
          "Nul ne passe sans saluer", "La Garde"),
    Actor("L'Atelier des Libertés", "liberal", "atelier-libertes", "Neuvillard",
          "Essayer d'abord < réglementer ensuite", "L'Atelier"),
    Actor("Les Causeries noires", "libertarian", "causeries-noires", "Rocsauvage",
          "On cause, on agit", "anonyme, et fier de l'être"),
    Actor("Convergence des Cantons", "center", "convergence-cantons", "Milieuval",
          "Ni trop, ni trop peu", "La convergence"),
    Actor("Le Juste Équilibre", "center", "juste-equilibre", "Balancelle",
          "Peser avant de trancher", "Le Juste Équilibre"),
)  # fmt: skip

# Sites that a crawl gathers by accident: no ideology, absent from ideology.yml.
STRAY = (
    Actor("Annuaire des villages", None, "annuaire-des-villages", "Valmarne", "", ""),
    Actor("Recettes du Gué", None, "recettes-du-gue", "Clairvigne", "", ""),
    Actor("Forum des bricoleurs", None, "forum-bricoleurs", "Neuvillard", "", ""),
)


def actor_sequence(n_docs: int, n_stray: int) -> list[Actor]:
    """The actor of each document, in order of size: `n_stray` of no ideology, the rest shared
    out over `ACTORS` as 1 / (rank + 1), the two smallest with a fifth of their share."""
    weights = [1.0 / (rank + 1) for rank in range(1, len(ACTORS) + 1)]
    weights[-2:] = [weight / 5.0 for weight in weights[-2:]]
    total = sum(weights)
    sequence = [STRAY[number % len(STRAY)] for number in range(n_stray)]
    for actor, weight in zip(ACTORS[1:], weights[1:], strict=True):
        sequence += [actor] * max(4, int((n_docs - n_stray) * weight / total))
    return [ACTORS[0]] * (n_docs - len(sequence)) + sequence
